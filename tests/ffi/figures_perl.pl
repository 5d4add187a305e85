# What a job costs in Perl: jobs that do nothing, a thousand at a time, on four threads.

use v5.36;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);
use Ptjobs;

my ($jobs, $batch) = (20_000, 1000);
my $scheduler = Ptjobs->new(limit => 4);
my ($wall, $cpu) = map { clock_gettime($_) } CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID;
for (1 .. $jobs / $batch) {
	$_->value for map { $scheduler->spawn('libjobs.so', 'job_give', \1) } 1 .. $batch;
}
$wall = clock_gettime(CLOCK_MONOTONIC) - $wall;
$cpu = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $cpu;
printf "%-40s %9.0f jobs/s %8.2f us of CPU each\n", 'Perl, ptjobs with FFI::Platypus: function',
	$jobs / $wall, $cpu / $jobs * 1e6;
