// Go's usual pool: N goroutines that read a buffered channel.  Where jobs can be waited for, each
// has a channel of its own, which it closes.
//
// peer.h has the protocol.
//
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	batch      = 1000
	settle     = 100 * time.Millisecond
	exitCannot = 3
)

type task struct {
	jobs, workers, producers int
	time                     time.Duration
	pendingLimit             int
}

type pool struct {
	jobs    chan func()
	workers sync.WaitGroup
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

// Without a pending limit the channel has room for all jobs.
func openPool(t *task, jobs int) *pool {
	room := t.pendingLimit
	if room == 0 {
		room = jobs
	}
	p := &pool{jobs: make(chan func(), room)}
	p.workers.Add(t.workers)
	for i := 0; i < t.workers; i++ {
		go func() {
			defer p.workers.Done()
			for job := range p.jobs {
				job()
			}
		}()
	}
	return p
}

func (p *pool) finish() {
	close(p.jobs)
	p.workers.Wait()
}

type meter struct {
	wall      time.Time
	cpu       int64
	vol, invo int64
}

func readMeter() meter {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		fail("getrusage failed")
	}
	return meter{time.Now(), used.Utime.Nano() + used.Stime.Nano(), int64(used.Nvcsw), int64(used.Nivcsw)}
}

func report(before, after meter) {
	fmt.Printf("wall_ns %d\n", after.wall.Sub(before.wall).Nanoseconds())
	fmt.Printf("cpu_ns %d\n", after.cpu-before.cpu)
	fmt.Printf("voluntary %d\n", after.vol-before.vol)
	fmt.Printf("involuntary %d\n", after.invo-before.invo)
}

func reportLatencies(latencies []time.Duration) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprint(out, "latency_ns")
	for _, l := range latencies {
		fmt.Fprintf(out, " %d", l.Nanoseconds())
	}
	fmt.Fprintln(out)
}

// The bytes of memory that the process has touched, without those of files and without garbage.
func memory() float64 {
	runtime.GC()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail("/proc/self/status cannot be read")
	}
	for _, line := range strings.Split(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "RssAnon:" {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes * 1024
		}
	}
	return 0
}

var sink uint64

//go:noinline
func compute(rounds int) uint64 {
	x := uint64(rounds)
	for i := 0; i < rounds; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

// How many rounds take so long; what is not the fastest trial was interrupted.
func roundsFor(d time.Duration) int {
	const trialRounds = 20000
	best := time.Hour
	for i := 0; i < 50; i++ {
		start := time.Now()
		sink += compute(trialRounds)
		if took := time.Since(start); took < best {
			best = took
		}
	}
	return int(float64(d)*trialRounds/float64(best) + 0.5)
}

func nothing() {}

// Has each producer call its part with its share of the jobs.
func produce(t *task, part func(share int)) {
	var producers sync.WaitGroup
	producers.Add(t.producers)
	for i := 0; i < t.producers; i++ {
		share := t.jobs / t.producers
		if i < t.jobs%t.producers {
			share++
		}
		go func() {
			defer producers.Done()
			part(share)
		}()
	}
	producers.Wait()
}

func forget(t *task, job func()) {
	p := openPool(t, t.jobs)
	before := readMeter()
	produce(t, func(share int) {
		for i := 0; i < share; i++ {
			p.jobs <- job
		}
	})
	p.finish()
	report(before, readMeter())
}

func jobs(t *task) {
	if t.time == 0 {
		forget(t, nothing)
		return
	}
	rounds := roundsFor(t.time)
	forget(t, func() {
		if compute(rounds) == 0 {
			fail("that cannot be")
		}
	})
}

func sleep(t *task) {
	forget(t, func() { time.Sleep(t.time) })
}

func spawnHandle(p *pool) chan struct{} {
	done := make(chan struct{})
	p.jobs <- func() { close(done) }
	return done
}

func handles(t *task) {
	p := openPool(t, t.jobs)
	before := readMeter()
	produce(t, func(share int) {
		handles := make([]chan struct{}, 0, batch)
		for left := share; left > 0; left -= len(handles) {
			handles = handles[:0]
			for i := 0; i < batch && i < left; i++ {
				handles = append(handles, spawnHandle(p))
			}
			for _, done := range handles {
				<-done
			}
		}
	})
	p.finish()
	report(before, readMeter())
}

func roundtrip(t *task) {
	p := openPool(t, t.jobs+1)
	latencies := make([]time.Duration, t.jobs)
	<-spawnHandle(p)
	before := readMeter()
	for i := range latencies {
		if t.time > 0 {
			time.Sleep(t.time)
		}
		start := time.Now()
		<-spawnHandle(p)
		latencies[i] = time.Since(start)
	}
	after := readMeter()
	p.finish()
	report(before, after)
	reportLatencies(latencies)
}

func start(t *task) {
	p := openPool(t, t.jobs+1)
	latencies := make([]time.Duration, t.jobs+1)
	before := readMeter()
	for i := range latencies {
		latency := &latencies[i]
		time.Sleep(time.Until(before.wall.Add(time.Duration(i) * t.time)))
		spawned := time.Now()
		p.jobs <- func() { *latency = time.Since(spawned) }
	}
	p.finish()
	report(before, readMeter())
	reportLatencies(latencies[1:])
}

// Has each worker stand still until the returned function is called.
func occupy(t *task, p *pool) func() {
	var standing sync.WaitGroup
	opened := make(chan struct{})
	standing.Add(t.workers)
	for i := 0; i < t.workers; i++ {
		p.jobs <- func() {
			standing.Done()
			<-opened
		}
	}
	standing.Wait()
	return func() { close(opened) }
}

func pending(t *task) {
	var ended int64
	p := openPool(t, t.jobs+t.workers)
	open := occupy(t, p)
	before := memory()
	for i := 0; i < t.jobs; i++ {
		p.jobs <- func() { atomic.AddInt64(&ended, 1) }
	}
	full := memory()
	open()
	for atomic.LoadInt64(&ended) < int64(t.jobs) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(settle)
	after := memory()
	p.finish()
	fmt.Printf("bytes %.3f\n", (full-before)/float64(t.jobs))
	if full > before {
		fmt.Printf("returned %.4f\n", (full-after)/(full-before))
	}
}

func idle(t *task) {
	p := openPool(t, t.workers)
	occupy(t, p)()
	time.Sleep(settle)
	before := readMeter()
	time.Sleep(t.time)
	after := readMeter()
	p.finish()
	report(before, after)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		fail("an argument is not a number")
	}
	return n
}

func main() {
	workloads := map[string]func(*task){
		"jobs": jobs, "sleep": sleep, "handles": handles, "roundtrip": roundtrip,
		"start": start, "memory": pending, "idle": idle,
	}
	if len(os.Args) != 8 {
		fail("wanted: PEER WORKLOAD JOBS WORKERS PRODUCERS TIME PENDING_LIMIT")
	}
	run := workloads[os.Args[2]]
	if run == nil {
		os.Exit(exitCannot)
	}
	fmt.Printf("version %s\n", strings.TrimPrefix(runtime.Version(), "go"))
	run(&task{
		jobs:         number(os.Args[3]),
		workers:      number(os.Args[4]),
		producers:    number(os.Args[5]),
		time:         time.Duration(number(os.Args[6])),
		pendingLimit: number(os.Args[7]),
	})
}
