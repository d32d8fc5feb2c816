//! Our TCP server and client against their cases.

mod server {
    use chatroom::check::Kind;

    crate::cases! { Kind::TcpServer, "tcp-server";
        relay: "tcp-relay",
        echo: "tcp-echo",
        bytes: "tcp-bytes",
        console: "tcp-console",
        order: "tcp-order",
        pieces: "tcp-pieces",
        d3_last_line: "D3",
    }
}
