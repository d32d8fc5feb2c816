//! Our UDP server and client against their cases.

mod server {
    use chatroom::check::Kind;

    crate::cases! { Kind::UdpServer, "udp-server";
        relay: "udp-relay",
        register: "udp-register",
        echo: "udp-echo",
        bytes: "udp-bytes",
        order: "udp-order",
        crowd: "udp-crowd",
        gone: "udp-gone",
        harmless: "udp-harmless",
        ipv4: "udp-ipv4",
        in_use: "udp-in-use",
        half_in_use: "udp-half-in-use",
        usage: "udp-usage",
        zh: "udp-zh",
        d7: "D7",
        d7_stalled: "D7-stalled",
        d12_server: "D12-server",
        d12_server_pipe: "D12-server-pipe",
        d19: "D19",
        d19_term: "D19-term",
        d14: "D14",
        d14_most: "D14-most",
        d15: "D15",
        d15_end: "D15-end",
        d15_empty: "D15-empty",
        d16: "D16",
        d16_forget: "D16-forget",
        d16_many: "D16-many",
    }
}

mod client {
    use chatroom::check::Kind;

    crate::cases! { Kind::UdpClient, "udp-client";
        send: "client-send",
        print: "client-print",
        localhost: "client-localhost",
        start: "client-start",
        usage: "client-usage",
        interrupt: "client-interrupt",
        typing: "client-typing",
        d12: "D12",
        d12_pipe: "D12-pipe",
        d14: "D14",
        end: "client-end",
        d17: "D17",
        d17_again: "D17-again",
        d18: "D18",
        d18_most: "D18-most",
        d18_refused: "D18-refused",
    }
}
