//! Many clients: at once, and one after the other.

use crate::check::cases::shared::crowd;
use crate::check::stage::speaker::{Speaker, greet};
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tcp-crowd",
        title: text!(zh "",
                     en "500 clients all hear each other"),
        hint: text!(zh "",
                    en "not everybody is in the list, or a line is lost on the way: is there a limit, of threads or descriptors?"),
        run: five_hundred,
    },
    Case {
        id: "tcp-churn",
        title: text!(zh "",
                     en "3,000 clients that come and go, half of them by a reset, leave nothing behind"),
        hint: text!(zh "",
                    en "who leaves by a reset isn't taken off the list: its address can't be asked for any more then"),
        run: churn,
    },
];

const CROWD: usize = 500;

fn five_hundred(scene: &Scene<'_>) -> Verdict {
    // Go raises its limit itself; a thread per connection here takes two descriptors a client.
    let server =
        scene.launch().after_shell("ulimit -n 4096 2>/dev/null || ulimit -n $(ulimit -Hn)").server()?;
    let mut peers =
        (0..CROWD).map(|i| Peer::connect(&server, &format!("client {i}"))).collect::<Verdict<Vec<Peer>>>()?;
    scene.log.note(format!("{CROWD} clients connect"));
    greet(&server, &mut peers.iter_mut().collect::<Vec<_>>(), 2)?;
    crowd::all_hear_each_other(scene, &mut peers)
}

fn churn(scene: &Scene<'_>) -> Verdict {
    crowd::churn::<Peer>(scene, 30)
}
