//! Our WebSocket server and client against their cases.

mod server {
    use chatroom::check::Kind;

    crate::cases! { Kind::WsServer, "ws-server";
        relay: "ws-relay",
        echo: "ws-echo",
        order: "ws-order",
        early: "ws-early",
        fragments: "ws-fragments",
        pieces: "ws-pieces",
        ping: "ws-ping",
        close: "ws-close",
        ipv4: "ws-ipv4",
        in_use: "ws-in-use",
        usage: "ws-usage",
        zh: "ws-zh",
        d7: "D7",
        d7_stalled: "D7-stalled",
        d12_server: "D12-server",
        d12_server_pipe: "D12-server-pipe",
        d28: "D28",
        d28_term: "D28-term",
        d28_stalled: "D28-stalled",
        d20: "D20",
        d20_breach: "D20-breach",
        d21: "D21",
        d21_exact: "D21-exact",
        d21_memory: "D21-memory",
        d22: "D22",
        d23: "D23",
        d24: "D24",
        d24_others: "D24-others",
        d25: "D25",
        d26: "D26",
        d26_exact: "D26-exact",
        d26_endless: "D26-endless",
        d27: "D27",
        d27_allow: "D27-allow",
        d27_null: "D27-null",
        d8: "D8",
        d8_unfinished: "D8-unfinished",
        d5: "D5",
        d31: "D31",
        flood: "ws-flood",
        crowd: "ws-crowd",
        churn: "ws-churn",
    }
}

mod client {
    use chatroom::check::Kind;

    crate::cases! { Kind::WsClient, "ws-client";
        send: "client-send",
        print: "client-print",
        fragments: "client-fragments",
        ping: "client-ping",
        both_ways: "client-both-ways",
        d12: "D12",
        d12_pipe: "D12-pipe",
        wss: "client-wss",
        refused: "client-refused",
        path: "client-path",
        no_websocket: "client-no-websocket",
        usage: "client-usage",
        zh: "client-zh",
        interrupt: "client-interrupt",
        d10: "D10",
        d10_wait: "D10-wait",
        d11: "D11",
        d11_close: "D11-close",
        d13: "D13",
        d13_exact: "D13-exact",
    }
}
