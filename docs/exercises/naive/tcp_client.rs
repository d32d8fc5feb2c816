//! The notes' TCP client in Rust, and nothing else: what it can't do, this can't either.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::process::exit;
use std::{env, thread};

// Go: func main()
fn main() {
    let addr = env::args().nth(1).unwrap_or("localhost:8080".to_string());
    let mut conn = TcpStream::connect(&addr).unwrap_or_else(|err| fatal(&addr, &err)); // Go: net.Dial("tcp", "localhost:8080"); log.Fatal
    // Go: defer conn.Close(). The end of the program closes it.
    println!("connected to the server"); // Go: fmt.Println
    conn.set_nodelay(true).unwrap(); // Go does this by itself

    let listening = conn.try_clone().unwrap(); // In Go, `conn` is a pointer: two goroutines can have it.
    // Go: go func()
    thread::spawn(move || {
        let mut reader = BufReader::new(listening); // Go: bufio.NewReader(conn)
        loop {
            // Go: reader.ReadString('\n')
            let msg = match read_string(&mut reader) {
                Ok(msg) => msg,
                Err(err) => {
                    eprintln!("the server has left: {err}"); // Go: log.Println
                    return; // Go: return
                }
            };
            let _ = io::stdout().write_all(&msg); // Go: fmt.Print(msg)
        }
    });

    let scanner = io::stdin().lock().split(b'\n'); // Go: bufio.NewScanner(os.Stdin)
    // Go: scanner.Scan()
    for text in scanner.map_while(Result::ok) {
        let msg = [&text[..], b"\n"].concat(); // Go: scanner.Text() + "\n"
        let sent = conn.write_all(&msg); // Go: conn.Write([]byte(msg))
        if let Err(err) = sent {
            eprintln!("cannot send: {err}"); // Go: log.Println; return
            return;
        }
    }
}

/// Reads to a line break. As in Go, an end before it is an error, and what came until then is lost.
fn read_string(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") { Ok(line) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn fatal(addr: &str, err: &io::Error) -> ! {
    eprintln!("cannot connect to {addr}: {err}");
    exit(1);
}
