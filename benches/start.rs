//! From the start of the binary to its first answered request: `cargo bench --bench start`.
//!
//! Starts `sidegate dev` (pool, sample application and gate; new keys each time) and asks for the
//! sign-in page until it comes. Prints milliseconds: least, median, most.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and may stop"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

const RUNS: usize = 20;

fn main() {
    let mut times: Vec<u128> = (0..RUNS).map(|_| one().as_millis()).collect();
    times.sort_unstable();
    let (least, most) = (times.first().unwrap(), times.last().unwrap());
    let median = times.get(RUNS / 2).unwrap();
    println!(
        "start to first answer, {RUNS} runs: least {least} ms, median {median} ms, most {most} ms"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "measuring time is what a bench is for"
)]
fn one() -> Duration {
    let ports: Vec<String> = (0..3).map(|_| free()).collect();
    let [gate, pool, sample] = ports.as_slice() else {
        unreachable!()
    };
    let began = std::time::Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidegate"))
        .args([
            "dev",
            "--listen",
            gate,
            "--pool-listen",
            pool,
            "--sample-listen",
            sample,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let address: SocketAddr = gate.parse().unwrap();
    while !answered(address) {
        std::thread::yield_now();
    }
    let took = began.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

fn answered(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let request = format!(
        "GET /.sidegate/sign-in HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n",
        address.port()
    );
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn free() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}
