//! The cases: what a chat room must do, tried from outside.
