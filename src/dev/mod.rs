//! `sidegate dev`: what runs beside the gate on a laptop. Compiled with the feature `dev` only.

pub mod sample;
