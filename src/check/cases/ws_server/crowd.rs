//! Many clients: at once, and one after the other.

use crate::check::cases::shared::crowd;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    crowd::twelve::<WsPeer>("ws-crowd"),
    Case {
        id: "ws-churn",
        title: text!(zh "",
                     en "500 clients that come and go, in order, by closing and by a reset, leave nothing behind"),
        hint: text!(zh "",
                    en "who leaves by a reset isn't taken off the list, or a thread goes on waiting for who has left"),
        run: churn,
    },
];

fn churn(scene: &Scene<'_>) -> Verdict {
    crowd::churn::<WsPeer>(scene, 5)
}
