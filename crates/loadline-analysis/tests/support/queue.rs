//! Queues in virtual time: the recursion of Kiefer and Wolfowitz, fast and no relative of what is tested.

/// A generator of random numbers of its own (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1)
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        (bits as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// How long a request is served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Service {
    Exponential,
    Deterministic,
    /// With this standard deviation of the logarithm.
    LogNormal(f64),
}

impl Service {
    fn draw(self, mean: f64, random: &mut Random) -> f64 {
        match self {
            Service::Exponential => random.exponential(mean),
            Service::Deterministic => mean,
            Service::LogNormal(sigma) => mean * (sigma * random.normal() - 0.5 * sigma * sigma).exp(),
        }
    }
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arrivals {
    Poisson,
    Even,
}

impl Arrivals {
    /// The time from one to the next.
    fn gap(self, rate: f64, random: &mut Random) -> f64 {
        match self {
            Arrivals::Poisson => random.exponential(1.0 / rate),
            Arrivals::Even => 1.0 / rate,
        }
    }
}

/// One queue, first come first served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Queue {
    pub(crate) arrivals: Arrivals,
    pub(crate) servers: u32,
    pub(crate) service: Service,
    pub(crate) service_s: f64,
}

impl Queue {
    /// How long the next request is served.
    #[allow(dead_code, reason = "the example that drives the whole search uses it")]
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        self.service.draw(self.service_s, random)
    }

    /// The arrival time and the response time of each request within `duration_s`, from an empty queue.
    pub(crate) fn run(
        &self,
        random: &mut Random,
        rate: f64,
        duration_s: f64,
        mut each: impl FnMut(f64, f64),
    ) {
        let mut free = vec![0.0_f64; self.servers as usize];
        let mut now = 0.0;
        loop {
            now += self.arrivals.gap(rate, random);
            if now >= duration_s {
                return;
            }
            // An arrival takes the server that is free first.
            let first = (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
            let done = free[first].max(now) + self.service.draw(self.service_s, random);
            free[first] = done;
            each(now, done - now);
        }
    }
}

/// Lets so many requests a second through, and as many at once as its bucket holds; all others fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limiter {
    pub(crate) per_s: f64,
    pub(crate) burst: f64,
}

impl Limiter {
    /// The arrival time of each request within `duration_s` and whether it failed: even arrivals, and a full bucket at
    /// the beginning.
    pub(crate) fn run(&self, rate: f64, duration_s: f64, mut each: impl FnMut(f64, bool)) {
        let (mut bucket, gap) = (self.burst, 1.0 / rate);
        for k in 0..(duration_s * rate) as u64 {
            bucket = (bucket + gap * self.per_s).min(self.burst);
            let passes = bucket >= 1.0;
            bucket -= f64::from(u8::from(passes));
            each(k as f64 * gap, !passes);
        }
    }
}
