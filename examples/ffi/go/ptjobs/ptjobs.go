// Package ptjobs runs blocking C functions, and functions in Go, as jobs of the C library ptjobs.
//
// Which way to give a job: Spawn, the address of a C function.  A goroutine that calls C keeps a
// thread as long as the call blocks, so a thousand of them are a thousand threads; a scheduler
// has as many as its limit, and a job costs no goroutine.  Go runs a Go function on a thread of the
// scheduler's, for work that goes between C and Go.
//
// One goroutine, parked in the netpoller, hears of all jobs that have ended.  Jobs are in
// cooperative mode: the thread of a Go function is the runtime's while that runs, and must not be
// cancelled.
//
// SPDX-License-Identifier: Apache-2.0
package ptjobs

/*
#cgo LDFLAGS: -lptjobs
#include <stdlib.h>
#include <ptjobs.h>

void *ptjobsRun(void *);
void ptjobsCancel(void *);
void ptjobsRelease(void *);
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/cgo"
	"sync"
	"syscall"
	"unsafe"
)

// An Error is what a call, or a C function in a job, failed with: an errno value, or PTJ_EFAILED.
type Error struct {
	Code    int
	Message string
}

func (e *Error) Error() string {
	return e.Message
}

// Is makes errors.Is(err, syscall.ESHUTDOWN) do what one expects.
func (e *Error) Is(target error) bool {
	return target == syscall.Errno(e.Code)
}

func check(rc C.int) error {
	if rc == 0 {
		return nil
	}
	return &Error{int(rc), C.GoString(C.ptj_strerror(rc))}
}

// A Scheduler runs at most its limit of jobs at once.  The zero value is of no use.
type Scheduler struct {
	scheduler     *C.ptj_scheduler
	cAttr, goAttr *C.ptj_job_attr
	queue         *queue
}

// The jobs that have ended, and those that have not.
type queue struct {
	completions *C.ptj_completions
	file        *os.File
	jobs        sync.Map // *C.ptj_job to *Job
}

// New makes a scheduler.  Close it in the end.
func New(limit, pendingLimit int) (*Scheduler, error) {
	s := &Scheduler{queue: &queue{}}
	if err := s.create(limit, pendingLimit); err != nil {
		s.free()
		return nil, err
	}
	go s.queue.take()
	// Each job that has not ended refers to s, and the goroutine to each such job: s is freed when
	// there is none and nobody can spawn another.
	runtime.SetFinalizer(s, (*Scheduler).free)
	return s, nil
}

func (s *Scheduler) create(limit, pendingLimit int) error {
	var attr *C.ptj_attr
	if rc := C.ptj_attr_create(&attr); rc != 0 {
		return check(rc)
	}
	defer C.ptj_attr_free(attr)
	C.ptj_attr_set_limit(attr, C.size_t(limit))
	C.ptj_attr_set_pending_limit(attr, C.size_t(pendingLimit))
	C.ptj_attr_set_cancel_mode(attr, C.PTJ_CANCEL_COOPERATIVE)
	if rc := C.ptj_scheduler_create(&s.scheduler, attr); rc != 0 {
		return check(rc)
	}
	if rc := C.ptj_completions_create(&s.queue.completions, -1); rc != 0 {
		return check(rc)
	}
	// The File closes its descriptor, so it is given one of its own.
	fd, err := syscall.Dup(int(C.ptj_completions_fd(s.queue.completions)))
	if err != nil {
		return err
	}
	s.queue.file = os.NewFile(uintptr(fd), "completions")
	if s.cAttr, err = s.jobAttr(C.ptj_release_fn(C.free)); err != nil {
		return err
	}
	s.goAttr, err = s.jobAttr(C.ptj_release_fn(C.ptjobsRelease))
	return err
}

func (s *Scheduler) jobAttr(release C.ptj_release_fn) (*C.ptj_job_attr, error) {
	var attr *C.ptj_job_attr
	if rc := C.ptj_job_attr_create(&attr); rc != 0 {
		return nil, check(rc)
	}
	C.ptj_job_attr_set_release(attr, release)
	C.ptj_job_attr_set_completions(attr, s.queue.completions)
	return attr, nil
}

func (s *Scheduler) free() {
	C.ptj_scheduler_free(s.scheduler)
	C.ptj_job_attr_free(s.cAttr)
	C.ptj_job_attr_free(s.goAttr)
	if s.queue.file != nil {
		s.queue.file.Close() // Which ends take().
	} else {
		C.ptj_completions_free(s.queue.completions)
	}
}

// Close cancels all jobs and waits for them, but no longer than ptjobs' close timeout for those
// that do not obey; Wait goes on to wait for these.
func (s *Scheduler) Close() error {
	defer runtime.KeepAlive(s)
	return check(C.ptj_scheduler_close(s.scheduler))
}

// A Job is one that has been spawned.
type Job struct {
	handle  *C.ptj_job
	closure *closure // nil for a C function
	ctx     context.Context
	done    chan struct{}
	result  uintptr
	err     error
	s       *Scheduler
}

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} {
	return j.done
}

// Wait waits for the job.  It returns what a C function returned; an *Error if that failed, the
// error that a Go function returned, or the context's error if the job was cancelled.
func (j *Job) Wait() (uintptr, error) {
	<-j.done
	return j.result, j.err
}

// Spawn runs the C function fn, a void *(*)(void *), with a copy of arg; ctx cancels it.  It blocks
// while the line is full.
func (s *Scheduler) Spawn(ctx context.Context, fn unsafe.Pointer, arg []byte) (*Job, error) {
	copied := C.CBytes(arg)
	j, err := s.start(&Job{ctx: ctx}, s.cAttr, C.ptj_job_fn(fn), copied)
	if err != nil {
		C.free(copied)
	}
	return j, err
}

// Go runs f, whose error or panic fails the job.  Its context is done when the job is cancelled.
func (s *Scheduler) Go(ctx context.Context, f func(ctx context.Context) error) (*Job, error) {
	c := &closure{f: f}
	c.ctx, c.cancel = context.WithCancel(ctx)
	arg := C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0))))
	*(*cgo.Handle)(arg) = cgo.NewHandle(c)
	j, err := s.start(&Job{ctx: ctx, closure: c}, s.goAttr, C.ptj_job_fn(C.ptjobsRun), arg)
	if err != nil {
		ptjobsRelease(arg)
	}
	return j, err
}

func (s *Scheduler) start(j *Job, attr *C.ptj_job_attr, fn C.ptj_job_fn, arg unsafe.Pointer) (
	*Job, error) {
	rc := C.ptj_spawn_attr(s.scheduler, attr, fn, arg, C.PTJ_INFINITE, &j.handle)
	if rc != 0 {
		return nil, check(rc)
	}
	j.s = s
	j.done = make(chan struct{})
	if j.ctx.Done() != nil {
		go watch(j.ctx, C.ptj_job_ref(j.handle), j.done)
	}
	s.queue.meet(j.handle, j)
	return j, nil
}

// Begins to close a job when its context is done.
func watch(ctx context.Context, handle *C.ptj_job, done <-chan struct{}) {
	select {
	case <-ctx.Done():
		C.ptj_job_close(handle, 0)
	case <-done:
	}
	C.ptj_job_unref(handle)
}

// A job may have ended before its spawner knows its handle.  Each of the spawner, with the job, and
// take(), with nil, leaves what it has; the second to come ends the job.
func (q *queue) meet(handle *C.ptj_job, j *Job) {
	other, met := q.jobs.LoadOrStore(handle, j)
	if !met {
		return
	}
	q.jobs.Delete(handle)
	if j == nil {
		j = other.(*Job)
	}
	j.end()
}

// Takes the jobs that have ended, until the file is closed.  The netpoller waits for the
// descriptor; the library resets it.
func (q *queue) take() {
	defer C.ptj_completions_free(q.completions)
	conn, err := q.file.SyscallConn()
	if err != nil {
		panic(err)
	}
	var handles [64]*C.ptj_job
	var n C.size_t
	conn.Read(func(uintptr) bool {
		for C.ptj_completions_take(q.completions, &handles[0], 64, 0, &n) == 0 {
			for _, handle := range handles[:n] {
				q.meet(handle, nil)
				C.ptj_job_unref(handle)
			}
		}
		return false
	})
}

func (j *Job) end() {
	var result unsafe.Pointer
	switch rc := C.ptj_job_poll(j.handle, 0, &result); {
	case rc == 0:
		j.result = uintptr(result)
	case rc == C.PTJ_EFAILED && j.closure != nil && j.closure.err != nil:
		j.err = j.closure.err
	case rc == C.PTJ_EFAILED:
		j.err = &Error{int(C.ptj_job_error(j.handle)), C.GoString(C.ptj_job_error_message(j.handle))}
	case j.ctx.Err() != nil:
		j.err = j.ctx.Err()
	default: // By Close.
		j.err = context.Canceled
	}
	C.ptj_job_unref(j.handle)
	j.handle, j.s = nil, nil
	close(j.done)
}

// What a job of Go's runs.  Its C argument is the address of a handle to one.
type closure struct {
	f      func(ctx context.Context) error
	ctx    context.Context
	cancel context.CancelFunc
	err    error
}

func closureOf(arg unsafe.Pointer) *closure {
	return (*(*cgo.Handle)(arg)).Value().(*closure)
}

//export ptjobsRun
func ptjobsRun(arg unsafe.Pointer) unsafe.Pointer {
	c := closureOf(arg)
	C.ptj_job_on_cancel((*[0]byte)(C.ptjobsCancel), arg)
	c.err = c.call()
	switch {
	case c.err == nil:
	case errors.Is(c.err, c.ctx.Err()):
		fail(C.int(syscall.ECANCELED), c.err)
	default:
		fail(C.PTJ_EFAILED, c.err)
	}
	return nil
}

func (c *closure) call() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.f(c.ctx)
}

func fail(code C.int, err error) {
	message := C.CString(err.Error())
	C.ptj_job_fail(code, message)
	C.free(unsafe.Pointer(message))
}

//export ptjobsCancel
func ptjobsCancel(arg unsafe.Pointer) {
	closureOf(arg).cancel()
}

//export ptjobsRelease
func ptjobsRelease(arg unsafe.Pointer) {
	closureOf(arg).cancel()
	(*(*cgo.Handle)(arg)).Delete()
	C.free(arg)
}
