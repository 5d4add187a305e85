// ptjobs from Go: what the binding in examples/ffi/go stands.
//
// SPDX-License-Identifier: Apache-2.0
package main

/*
#cgo LDFLAGS: -ljobs
#include <stdint.h>
#include <unistd.h>

void *job_fail(void *), *job_sum(void *), *job_obey(void *), *job_gate(void *);

// With a copy of the descriptor as their argument.
void *obey(int *fd)
{
	return job_obey((void *)(intptr_t)*fd);
}

void *pass(int *fd)
{
	return job_gate((void *)(intptr_t)*fd);
}

void *nap(void *arg)
{
	usleep(10000);
	return arg;
}
*/
import "C"

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"ffi/ptjobs"
)

var (
	background = context.Background()
	fail       = unsafe.Pointer(C.job_fail)
	sum        = unsafe.Pointer(C.job_sum)
)

// Ends the program unless it is so.
func check(so bool, format string, args ...any) {
	if !so {
		panic(fmt.Sprintf(format, args...))
	}
}

func newScheduler(limit, pendingLimit int) *ptjobs.Scheduler {
	s, err := ptjobs.New(limit, pendingLimit)
	check(err == nil, "New: %v", err)
	return s
}

func spawn(s *ptjobs.Scheduler, ctx context.Context, fn unsafe.Pointer, arg string) *ptjobs.Job {
	job, err := s.Spawn(ctx, fn, []byte(arg+"\x00"))
	check(err == nil, "Spawn: %v", err)
	return job
}

func call(s *ptjobs.Scheduler, ctx context.Context, f func(context.Context) error) *ptjobs.Job {
	job, err := s.Go(ctx, f)
	check(err == nil, "Go: %v", err)
	return job
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func thousandsOfFunctions() {
	s := newScheduler(4, 0)
	defer s.Close()
	var jobs []*ptjobs.Job
	for n := 1; n <= 20000; n++ {
		jobs = append(jobs, spawn(s, background, sum, strings.Repeat("\x01", n%100)))
	}
	for i, job := range jobs {
		result, err := job.Wait()
		check(err == nil && result == uintptr((i+1)%100), "job %d: %d, %v", i, result, err)
	}
}

// With a collection every now and then, in a job and beside it.
func thousandsOfClosures() {
	s := newScheduler(4, 0)
	defer s.Close()
	results := make([]int, 20000)
	var jobs []*ptjobs.Job
	for n := range results {
		n := n
		jobs = append(jobs, call(s, background, func(context.Context) error {
			if n%1000 == 0 {
				runtime.GC()
			}
			results[n] = 2 * n
			return nil
		}))
	}
	runtime.GC()
	for n, job := range jobs {
		_, err := job.Wait()
		check(err == nil && results[n] == 2*n, "job %d: %d, %v", n, results[n], err)
	}
}

func errorsAndPanicsAreFailures() {
	s := newScheduler(4, 100)
	defer s.Close()

	_, err := spawn(s, background, fail, "disk on fire").Wait()
	check(errors.Is(err, syscall.EIO), "a C function's code: %v", err)
	check(err.Error() == "disk on fire", "a C function's message: %v", err)

	_, err = call(s, background, func(context.Context) error { return os.ErrNotExist }).Wait()
	check(err == os.ErrNotExist, "a Go function's error: %v", err)

	_, err = call(s, background, func(context.Context) error {
		var none []int
		return fmt.Errorf("%d", none[7])
	}).Wait()
	want := "panic: runtime error: index out of range [7] with length 0"
	check(err != nil && err.Error() == want, "a panic: %v", err)
}

func contextsCancelJobs() {
	s := newScheduler(4, 100)
	defer s.Close()
	g := newGate()
	ctx, cancel := context.WithCancel(background)
	inC := g.spawn(s, ctx, unsafe.Pointer(C.obey))
	inGo := call(s, ctx, untilDone)
	g.waitForJob()
	cancel()
	for _, job := range []*ptjobs.Job{inC, inGo} {
		_, err := job.Wait()
		check(err == context.Canceled, "cancel: %v", err)
	}

	ctx, cancel = context.WithTimeout(background, time.Millisecond)
	defer cancel()
	_, err := call(s, ctx, untilDone).Wait()
	check(err == context.DeadlineExceeded, "timeout: %v", err)
}

// Close ends jobs that obey, and neither hangs with one that does not, nor loses it.
func closeWithJobs() {
	s := newScheduler(4, 100)
	g := newGate()
	stubborn := g.spawn(s, background, unsafe.Pointer(C.pass))
	inC := g.spawn(s, background, unsafe.Pointer(C.obey))
	inGo := call(s, background, untilDone)
	g.waitForJob()
	g.waitForJob()
	check(s.Close() == nil, "Close")
	for _, job := range []*ptjobs.Job{inC, inGo} {
		_, err := job.Wait()
		check(err == context.Canceled, "closed: %v", err)
	}
	_, err := s.Go(background, untilDone)
	check(errors.Is(err, syscall.ESHUTDOWN), "after the close: %v", err)

	select {
	case <-stubborn.Done():
		check(false, "a job ended that is behind its gate")
	default:
	}
	s = nil
	runtime.GC()
	g.open()
	result, err := stubborn.Wait()
	check(err == nil && result == 7, "the job that does not obey: %d, %v", result, err)
}

func manyGoroutinesAtOnce() {
	s := newScheduler(2, 1)
	defer s.Close()
	var group sync.WaitGroup
	for g := 0; g < 8; g++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; n < 1000; n++ {
				result, err := spawn(s, background, sum, "\x01\x02").Wait()
				check(err == nil && result == 3, "%d, %v", result, err)
			}
		}()
	}
	group.Wait()
}

// A thousand calls that block take a thread each, as jobs four in all.
func jobsTakeNoThreads() {
	s := newScheduler(4, 0)
	before := threads()
	g := newGate()
	for n := 0; n < 1000; n++ {
		g.spawn(s, background, unsafe.Pointer(C.obey))
	}
	for n := 0; n < 4; n++ {
		g.waitForJob()
	}
	check(threads() <= before+4+runtime.GOMAXPROCS(0), "%d threads more", threads()-before)
	check(s.Close() == nil, "Close")
}

func threads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	check(err == nil, "%v", err)
	return len(tasks)
}

func descriptors() int {
	fds, err := os.ReadDir("/proc/self/fd")
	check(err == nil, "%v", err)
	return len(fds)
}

// The collector frees schedulers that are closed and forgotten, with their descriptors.
func schedulersAreFreed() {
	before := descriptors()
	for n := 0; n < 100; n++ {
		s := newScheduler(1, 1)
		spawn(s, background, sum, "").Wait()
		s.Close()
	}
	for n := 0; descriptors() > before; n++ {
		check(n < 6000, "%d descriptors more", descriptors()-before)
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
}

// Where jobs of C wait until they are let through, or closed.
type gate struct {
	ours   int
	theirs C.int
}

func newGate() gate {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	check(err == nil, "%v", err)
	return gate{fds[0], C.int(fds[1])}
}

func (g gate) spawn(s *ptjobs.Scheduler, ctx context.Context, fn unsafe.Pointer) *ptjobs.Job {
	job, err := s.Spawn(ctx, fn, (*[unsafe.Sizeof(C.int(0))]byte)(unsafe.Pointer(&g.theirs))[:])
	check(err == nil, "Spawn: %v", err)
	return job
}

func (g gate) waitForJob() {
	n, err := syscall.Read(g.ours, make([]byte, 1))
	check(n == 1, "%v", err)
}

func (g gate) open() {
	n, err := syscall.Write(g.ours, []byte{7})
	check(n == 1, "%v", err)
}

// Ends the program in the way called so while jobs run that do not obey.
func end(way string) {
	s := newScheduler(4, 100)
	g := newGate()
	g.spawn(s, background, unsafe.Pointer(C.pass))
	g.waitForJob()
	started := make(chan struct{})
	call(s, background, func(context.Context) error {
		close(started)
		select {}
	})
	<-started
	switch way {
	case "exit":
		os.Exit(3)
	case "panic":
		panic("with jobs")
	case "close":
		s.Close()
	}
}

func programEndsWhileJobsRun() {
	for way, status := range map[string]int{"exit": 3, "panic": 2, "close": 0, "return": 0} {
		command := exec.Command(os.Args[0], way)
		var output bytes.Buffer
		command.Stderr = &output
		command.Run()
		got := command.ProcessState.ExitCode()
		check(got == status, "%s: status %d: %s", way, got, output.String())
	}
}

// Prints what n jobs take.
func measure(name string, n int, jobs func(n int)) {
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	start := time.Now()
	jobs(n)
	wall := time.Since(start)
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := time.Duration(after.Utime.Nano() - before.Utime.Nano() +
		after.Stime.Nano() - before.Stime.Nano())
	fmt.Printf("%-40s %9.0f jobs/s %8.2f us of CPU each, %d threads\n", name,
		float64(n)/wall.Seconds(), float64(cpu.Microseconds())/float64(n), threads())
}

func inScheduler(limit int, spawn func(s *ptjobs.Scheduler) (*ptjobs.Job, error)) func(n int) {
	return func(n int) {
		s := newScheduler(limit, 10000)
		defer s.Close()
		jobs := make([]*ptjobs.Job, n)
		for i := range jobs {
			job, err := spawn(s)
			check(err == nil, "%v", err)
			jobs[i] = job
		}
		for _, job := range jobs {
			job.Wait()
		}
	}
}

func inGoroutines(f func()) func(n int) {
	return func(n int) {
		var group sync.WaitGroup
		group.Add(n)
		for i := 0; i < n; i++ {
			go func() {
				f()
				group.Done()
			}()
		}
		group.Wait()
	}
}

// The number of threads never goes down in Go, so the goroutines that block come last.
func figures() {
	text := []byte("\x01\x00")
	measure("Go: C functions", 100000, inScheduler(4, func(s *ptjobs.Scheduler) (*ptjobs.Job, error) {
		return s.Spawn(background, sum, text)
	}))
	measure("Go: Go functions", 100000, inScheduler(4, func(s *ptjobs.Scheduler) (*ptjobs.Job, error) {
		return s.Go(background, func(context.Context) error { return nil })
	}))
	measure("Go: goroutines that call C", 100000, inGoroutines(func() {
		C.job_sum(unsafe.Pointer(&text[0]))
	}))
	measure("Go: C that blocks 10 ms, limit 100", 10000,
		inScheduler(100, func(s *ptjobs.Scheduler) (*ptjobs.Job, error) {
			return s.Spawn(background, unsafe.Pointer(C.nap), text)
		}))
	measure("Go: goroutines in C that blocks 10 ms", 10000, inGoroutines(func() {
		C.nap(unsafe.Pointer(&text[0]))
	}))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "figures" {
		figures()
		return
	}
	if len(os.Args) > 1 {
		end(os.Args[1])
		return
	}
	for _, test := range []func(){
		thousandsOfFunctions, thousandsOfClosures, errorsAndPanicsAreFailures, contextsCancelJobs,
		closeWithJobs, manyGoroutinesAtOnce, jobsTakeNoThreads, schedulersAreFreed,
		programEndsWhileJobsRun,
	} {
		test()
	}
}
