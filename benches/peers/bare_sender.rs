//! The barest sender there is, as the mark for the precision of departures: one epoll loop over 256 connections, a
//! `timerfd` armed 60 µs early, and a spin until the instant. It parses nothing and records nothing.
//!
//! `bare_sender ADDRESS RATE SECONDS [spin|sleep]` prints the instant of its first departure in ns of CLOCK_MONOTONIC.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

use rustix::event::epoll;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

const CONNECTIONS: usize = 256;
const EARLY_NS: u64 = 60_000;
const SECOND_NS: u64 = 1_000_000_000;
const TIMER: u64 = u64::MAX;

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * SECOND_NS + now.tv_nsec as u64
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, rate, seconds, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: bare_sender ADDRESS RATE SECONDS [spin|sleep]");
        std::process::exit(2);
    };
    let rate: u64 = rate.parse().expect("a rate per second");
    let count = rate * seconds.parse::<u64>().expect("a number of seconds");
    let spin = rest.first().is_none_or(|word| word == "spin");
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes();

    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    epoll::add(
        &poll,
        &timer,
        epoll::EventData::new_u64(TIMER),
        epoll::EventFlags::IN | epoll::EventFlags::ET,
    )?;
    let mut streams = Vec::new();
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(address.as_str())?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poll, stream.as_fd(), epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
        streams.push(stream);
    }
    let mut idle: Vec<usize> = (0..CONNECTIONS).collect();
    let start = now_ns() + SECOND_NS / 10;
    println!("{start}");
    let due = |index: u64| start + index * SECOND_NS / rate;
    let (mut sent, mut answered, mut buffer) = (0, 0, [0; 4096]);
    let mut events = Vec::with_capacity(CONNECTIONS);
    while answered < count && now_ns() < due(count) + 5 * SECOND_NS {
        while sent < count && due(sent) <= now_ns() {
            let Some(number) = idle.pop() else { break };
            streams[number].write_all(&request)?;
            sent += 1;
        }
        let spinning = sent < count && due(sent) <= now_ns() + EARLY_NS && spin;
        if !spinning && sent < count {
            let at = due(sent).saturating_sub(if spin { EARLY_NS } else { 0 });
            let value = Timespec { tv_sec: (at / SECOND_NS) as i64, tv_nsec: (at % SECOND_NS) as _ };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &once)?;
        }
        let wait =
            if spinning { Timespec { tv_sec: 0, tv_nsec: 0 } } else { Timespec { tv_sec: 1, tv_nsec: 0 } };
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
        for event in &events {
            let number = event.data.u64();
            if number == TIMER {
                continue;
            }
            match streams[number as usize].read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {
                    answered += 1;
                    idle.push(number as usize);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
