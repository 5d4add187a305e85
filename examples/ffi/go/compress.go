// compress FROM TO: compresses the files of the folder FROM into the folder TO.  The jobs are the
// address of a C function; a context cancels one of them.
//
// SPDX-License-Identifier: Apache-2.0
package main

/*
#cgo LDFLAGS: -lcompress
void *compress_file(void *paths);
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"ffi/ptjobs"
)

func compressFolder(from, to string) error {
	scheduler, err := ptjobs.New(4, 10000)
	if err != nil {
		return err
	}
	defer scheduler.Close()

	ended := make(chan struct{})
	compress := func(ctx context.Context, path string) (*ptjobs.Job, error) {
		paths := path + "\x00" + filepath.Join(to, filepath.Base(path)) + ".gz\x00"
		job, err := scheduler.Spawn(ctx, unsafe.Pointer(C.compress_file), []byte(paths))
		if err == nil {
			go func() {
				<-job.Done()
				ended <- struct{}{}
			}()
		}
		return job, err
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	endless, err := compress(ctx, "/dev/zero")
	if err != nil {
		return err
	}
	missing, err := compress(context.Background(), filepath.Join(from, "missing"))
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	var files []*ptjobs.Job
	for _, entry := range entries {
		file, err := compress(context.Background(), filepath.Join(from, entry.Name()))
		if err != nil {
			return err
		}
		files = append(files, file)
	}

	all := len(files) + 2
	for done := 1; done <= all; done++ {
		<-ended
		fmt.Fprintf(os.Stderr, "\r%d of %d", done, all)
		if done > len(files)/2 {
			cancel()
		}
	}
	fmt.Fprintln(os.Stderr)

	var bytes uintptr
	for _, file := range files {
		size, err := file.Wait()
		if err != nil {
			return err
		}
		bytes += size
	}
	fmt.Printf("compressed %d files, %d bytes\n", len(files), bytes)
	if _, err := missing.Wait(); err != nil {
		fmt.Println("failed:", err)
	}
	if _, err := endless.Wait(); errors.Is(err, context.Canceled) {
		fmt.Println("cancelled: /dev/zero")
	}

	if err := scheduler.Close(); err != nil {
		return err
	}
	if _, err := compress(context.Background(), filepath.Join(from, "late")); err != nil {
		fmt.Println("after the close:", err)
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "Usage: compress FROM TO")
		os.Exit(2)
	}
	if err := compressFolder(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "compress:", err)
		os.Exit(1)
	}
}
