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
        prompt: "tcp-prompt",
        ipv4: "tcp-ipv4",
        in_use: "tcp-in-use",
        restart: "tcp-restart",
        half_in_use: "tcp-half-in-use",
        usage: "tcp-usage",
        zh: "tcp-zh",
        lang: "tcp-lang",
        d1_no_console: "D1",
        d2_too_long: "D2",
        d2_exact: "D2-exact",
        d2_memory: "D2-memory",
        d3_last_line: "D3",
        d4_stalled: "D4",
        d4_again: "D4-again",
        d4_slow: "D4-slow",
        flood: "tcp-flood",
        d5_descriptors: "D5",
        d5_stop: "D5-stop",
        d6_interrupt: "D6",
        d6_terminate: "D6-term",
        d6_stalled: "D6-stalled",
        d6_pair: "D6-pair",
        d6_twice: "D6-twice",
        d7_closed: "D7",
        d7_stalled: "D7-stalled",
        d7_stop: "D7-stop",
        d8_places: "D8",
        d9_threads: "D9",
        d12_terminal: "D12-server",
        d12_pipe: "D12-server-pipe",
        crowd: "tcp-crowd",
        churn: "tcp-churn",
        bustle: "tcp-bustle",
    }
}

mod client {
    use chatroom::check::Kind;

    crate::cases! { Kind::TcpClient, "tcp-client";
        send: "client-send",
        print: "client-print",
        last_line: "client-last-line",
        prompt: "client-prompt",
        refused: "client-refused",
        usage: "client-usage",
        zh: "client-zh",
        interrupt: "client-interrupt",
        typing: "client-typing",
        d10_answers: "D10",
        d10_wait: "D10-wait",
        d11_server_leaves: "D11",
        d11_server_resets: "D11-reset",
        d12_terminal: "D12",
        d12_pipe: "D12-pipe",
        d13_too_long: "D13",
        d13_exact: "D13-exact",
    }
}
