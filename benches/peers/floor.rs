//! What a request costs with the kernel alone: sends and answers without parsing or recording, by epoll and by io_uring.
//!
//! `floor epoll|ring|multishot ADDRESS SECONDS RATE` prints the CPU µs a request. RATE 0 is as fast as it goes over 64
//! connections; else what is due leaves in groups every tenth of a millisecond, over 256. `ring` asks for each answer
//! anew, `multishot` once a connection, with buffers that the kernel picks from a ring.

use std::alloc::{Layout, alloc_zeroed};
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use io_uring::types::{BufRingEntry, Fixed};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::event::epoll;
use rustix::time::{ClockId, Timespec, clock_gettime};

const NAP: Duration = Duration::from_micros(100);
const BUFFER: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, how, address, seconds, rate] = arguments.as_slice() else {
        return Err("usage: floor epoll|ring|multishot ADDRESS SECONDS RATE".into());
    };
    let rate: f64 = rate.parse()?;
    let connections = if rate > 0.0 { 256 } else { 64 };
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes();
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut kernel: Box<dyn Kernel> = match how.as_str() {
        "epoll" => Box::new(Epoll::new(streams, request)?),
        "ring" => Box::new(Ring::new(streams, request, false)?),
        "multishot" => Box::new(Ring::new(streams, request, true)?),
        _ => return Err("no such way: epoll, ring or multishot".into()),
    };

    let mut idle: Vec<usize> = (0..connections).collect();
    let (mut sent, mut done) = (0, 0);
    let (start, cpu, length) = (Instant::now(), cpu_us(), Duration::from_secs_f64(seconds.parse()?));
    while start.elapsed() < length {
        let due = if rate > 0.0 { (start.elapsed().as_secs_f64() * rate) as u64 } else { u64::MAX };
        while sent < due {
            let Some(number) = idle.pop() else { break };
            kernel.send(number)?;
            sent += 1;
        }
        if rate > 0.0 {
            kernel.flush()?;
            std::thread::sleep(NAP);
        }
        let before = idle.len();
        kernel.answers(rate == 0.0, &mut idle)?;
        done += idle.len() - before;
    }
    println!("{:.2}", (cpu_us() - cpu) / done as f64);
    Ok(())
}

fn cpu_us() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 * 1e6 + used.tv_nsec as f64 / 1e3
}

/// A way to the kernel. Every answer is taken to come in one piece.
trait Kernel {
    fn send(&mut self, number: usize) -> io::Result<()>;
    /// Lets the kernel see what was sent.
    fn flush(&mut self) -> io::Result<()>;
    /// Adds the connections that were answered; waits for one if asked to.
    fn answers(&mut self, wait: bool, idle: &mut Vec<usize>) -> io::Result<()>;
}

struct Epoll {
    poll: OwnedFd,
    streams: Vec<TcpStream>,
    request: Vec<u8>,
    events: Vec<epoll::Event>,
    buffer: [u8; BUFFER],
}

impl Epoll {
    fn new(streams: Vec<TcpStream>, request: Vec<u8>) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, stream) in streams.iter().enumerate() {
            stream.set_nonblocking(true)?;
            let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
            epoll::add(&poll, stream.as_fd(), epoll::EventData::new_u64(number as u64), flags)?;
        }
        let events = Vec::with_capacity(streams.len());
        Ok(Epoll { poll, streams, request, events, buffer: [0; BUFFER] })
    }
}

impl Kernel for Epoll {
    fn send(&mut self, number: usize) -> io::Result<()> {
        self.streams[number].write_all(&self.request)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn answers(&mut self, wait: bool, idle: &mut Vec<usize>) -> io::Result<()> {
        let wait = Timespec { tv_sec: wait.into(), tv_nsec: 0 };
        self.events.clear();
        epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut self.events), Some(&wait))?;
        for event in &self.events {
            let number = event.data.u64() as usize;
            match self.streams[number].read(&mut self.buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => idle.push(number),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct Ring {
    ring: IoUring,
    streams: Vec<TcpStream>,
    request: Vec<u8>,
    buffers: Vec<[u8; BUFFER]>,
    /// For answers that are asked for once; `None` where each is asked for.
    pool: Option<Pool>,
}

impl Ring {
    fn new(streams: Vec<TcpStream>, request: Vec<u8>, multishot: bool) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .build(2 * streams.len() as u32)?;
        let descriptors: Vec<_> = streams.iter().map(AsRawFd::as_raw_fd).collect();
        ring.submitter().register_files(&descriptors)?;
        let buffers = vec![[0; BUFFER]; streams.len()];
        let pool = if multishot { Some(Pool::register(&ring, &buffers)?) } else { None };
        let mut all = Ring { ring, streams, request, buffers, pool };
        if multishot {
            (0..all.streams.len()).try_for_each(|number| all.ask(number))?;
        }
        Ok(all)
    }

    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: entries point into `request` and `buffers`, which live as long as the ring and are never resized,
            // and a connection has one request on its way at most, so that no two entries write to one buffer.
            #[expect(unsafe_code, reason = "the kernel reads and writes our memory later")]
            let pushed = unsafe { self.ring.submission().push(entry) };
            match pushed {
                Ok(()) => return Ok(()),
                Err(_full) => self.flush()?,
            }
        }
    }

    /// Asks for the next answer of a connection, or for all of them.
    fn ask(&mut self, number: usize) -> io::Result<()> {
        let fd = Fixed(number as u32);
        let entry = match self.pool {
            Some(_) => opcode::RecvMulti::new(fd, 0).build(),
            None => opcode::Recv::new(fd, self.buffers[number].as_mut_ptr(), BUFFER as u32)
                .ioprio(1) // IORING_RECVSEND_POLL_FIRST: the answer is never there yet
                .build(),
        };
        self.push(&entry.user_data(number as u64))
    }
}

impl Kernel for Ring {
    fn send(&mut self, number: usize) -> io::Result<()> {
        let (data, length) = (self.request.as_ptr(), self.request.len() as u32);
        let send = opcode::Send::new(Fixed(number as u32), data, length).build();
        self.push(&send.flags(squeue::Flags::SKIP_SUCCESS).user_data(u64::MAX))?;
        if self.pool.is_none() { self.ask(number) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.ring.submit().map(drop)
    }

    fn answers(&mut self, wait: bool, idle: &mut Vec<usize>) -> io::Result<()> {
        if wait {
            self.ring.submit_and_wait(1)?;
        } else {
            const GET_EVENTS: u32 = 1;
            // SAFETY: without a pointer the call reads no memory of ours.
            #[expect(unsafe_code, reason = "work that was put off is done within this call")]
            unsafe {
                self.ring.submitter().enter::<()>(0, 0, GET_EVENTS, None)?;
            }
        }
        let (mut again, pool) = (Vec::new(), &mut self.pool);
        for answer in self.ring.completion() {
            let read = answer.result();
            if read <= 0 || answer.user_data() == u64::MAX {
                return Err(io::Error::from_raw_os_error(-read));
            }
            let number = answer.user_data() as usize;
            idle.push(number);
            if let Some(pool) = pool {
                pool.give_back(
                    cqueue::buffer_select(answer.flags()).ok_or(ErrorKind::InvalidData)?,
                    &self.buffers,
                );
                if !cqueue::more(answer.flags()) {
                    again.push(number);
                }
            }
        }
        again.into_iter().try_for_each(|number| self.ask(number))
    }
}

/// Buffers that the kernel picks from.
struct Pool {
    entries: *mut BufRingEntry,
    length: u16,
    tail: u16,
}

impl Pool {
    fn register(ring: &IoUring, buffers: &[[u8; BUFFER]]) -> io::Result<Self> {
        let length = u16::try_from(buffers.len()).expect("a few hundred connections");
        let layout =
            Layout::array::<BufRingEntry>(buffers.len()).expect("small").align_to(4096).expect("a page");
        // SAFETY: the layout is not empty; the memory is zeroed, page-aligned and never freed, as the kernel asks.
        #[expect(unsafe_code, reason = "the kernel asks for memory on a page of its own")]
        let entries = unsafe {
            let entries = alloc_zeroed(layout).cast::<BufRingEntry>();
            ring.submitter().register_buf_ring_with_flags(entries as u64, length, 0, 0)?;
            entries
        };
        let mut pool = Pool { entries, length, tail: 0 };
        (0..length).for_each(|id| pool.give_back(id, buffers));
        Ok(pool)
    }

    fn give_back(&mut self, id: u16, buffers: &[[u8; BUFFER]]) {
        // SAFETY: the slot lies within the ring, whose length is a power of two; the kernel reads it only once the tail
        // is past it; the buffers live as long as the ring and only the kernel touches them.
        #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
        unsafe {
            let entry = &mut *self.entries.add(usize::from(self.tail % self.length));
            entry.set_addr(buffers[usize::from(id)].as_ptr() as u64);
            entry.set_len(BUFFER as u32);
            entry.set_bid(id);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.entries).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }
}
