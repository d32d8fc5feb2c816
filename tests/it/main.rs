//! The one integration-test binary: real processes, real sockets, over loopback.
mod browser;
mod chromium;
mod docs;
