//! compress FROM TO: compresses the files of the folder FROM into the folder TO.  The jobs are
//! closures that call a C function; the main thread shows how many have ended.
//!
//! SPDX-License-Identifier: Apache-2.0

use ptjobs::{Completions, Error, Job, Options, Scheduler};
use std::ffi::{c_void, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

#[link(name = "compress")]
extern "C" {
    fn compress_file(paths: *mut c_void) -> *mut c_void;
}

fn compress(scheduler: &Scheduler, path: &Path, folder: &Path) -> Result<Job<usize>, Error> {
    let mut to = folder.join(path.file_name().unwrap_or_default()).into_os_string();
    to.push(".gz");
    let mut paths = [path.as_os_str(), &to, OsStr::new("")].map(OsStr::as_bytes).join(&0);
    scheduler.spawn(move || Ok(unsafe { compress_file(paths.as_mut_ptr().cast()) } as usize))
}

fn compress_folder(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let ended = Completions::new()?;
    let options = Options { limit: 4, completions: Some(ended.clone()), ..Options::default() };
    let scheduler = Scheduler::new(&options)?;

    let endless = compress(&scheduler, Path::new("/dev/zero"), to)?;
    let missing = compress(&scheduler, &from.join("missing"), to)?;
    let mut files = Vec::new();
    for entry in from.read_dir()? {
        files.push(compress(&scheduler, &entry?.path(), to)?);
    }

    let (mut done, all) = (0, files.len() + 2);
    while done < all {
        done += ended.take(None)?.len();
        eprint!("\r{} of {}", done, all);
        if done > files.len() / 2 {
            endless.cancel();
        }
    }
    eprintln!();

    let sizes = files.into_iter().map(Job::wait).collect::<Result<Vec<_>, _>>()?;
    println!("compressed {} files, {} bytes", sizes.len(), sizes.iter().sum::<usize>());
    if let Err(error) = missing.wait() {
        println!("failed: {}", error);
    }
    if let Err(Error::Cancelled) = endless.wait() {
        println!("cancelled: /dev/zero");
    }

    scheduler.close()?;
    if let Err(error) = compress(&scheduler, &from.join("late"), to) {
        println!("after the close: {}", error);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args_os().collect::<Vec<_>>().as_slice() {
        [_, from, to] => compress_folder(Path::new(from), Path::new(to)),
        _ => Err("Usage: compress FROM TO".into()),
    }
}
