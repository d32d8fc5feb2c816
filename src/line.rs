//! What one peer sends is one line for the others (D15, D23).

/// `prefix` and `message` as one line, with the line breaks inside the message as spaces: else one
/// message could forge lines of others, even the server's.
pub fn one_line(prefix: &str, message: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(prefix.len() + message.len() + 1);
    push_one_line(&mut line, prefix, message);
    line
}

/// Appends to `out` what [`one_line`] makes.
pub fn push_one_line(out: &mut Vec<u8>, prefix: &str, message: &[u8]) {
    let text = message.strip_suffix(b"\n").unwrap_or(message);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    out.extend_from_slice(prefix.as_bytes());
    out.extend(text.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn inner_line_breaks_become_spaces() {
        assert_eq!(one_line("[a]: ", b"x\n[Server]: y\r\nz\r\n"), b"[a]: x [Server]: y  z\n");
    }

    #[test]
    fn a_missing_line_end_is_added() {
        assert_eq!(one_line("[a]: ", b"x"), b"[a]: x\n");
        assert_eq!(one_line("[a]: ", b"x\n"), b"[a]: x\n");
    }
}
