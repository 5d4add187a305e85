# What ptjobs with FFI::Platypus, examples/ffi/perl/Ptjobs.pm, must stand.

use v5.36;
use Errno qw(EIO ELIBACC ENOSYS ENOTRECOVERABLE ESHUTDOWN ETIMEDOUT);
use IO::Select;
use POSIX qw(_exit);
use Socket;
use Test::More;
use Ptjobs;

# Where job_gate() waits until it is let through, and job_obey() until it is closed.
package Gate {
	use Socket;

	sub new ($class)
	{
		socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
		return bless { ours => $ours, theirs => $theirs }, $class;
	}

	sub wait_for_job ($self) { sysread($self->{ours}, my $byte, 1) // die $! }
	sub open ($self) { syswrite($self->{ours}, "\a") // die $! }
}

my %code = (EIO, 'EIO', ELIBACC, 'ELIBACC', ENOSYS, 'ENOSYS', ENOTRECOVERABLE, 'ENOTRECOVERABLE',
	ESHUTDOWN, 'ESHUTDOWN', ETIMEDOUT, 'ETIMEDOUT');

# What the block dies of: the class and the error.
sub error_of :prototype(&) ($block)
{
	eval { $block->(); 1 } and return 'nothing';
	return ref $@ ? join ' ', ref $@, $code{$@->code} // () : $@;
}

sub spawn_gate ($scheduler, $name, $gate)
{
	return $scheduler->spawn('libjobs.so', $name, \fileno $gate->{theirs});
}

# Runs a program with the binding: its exit status, and the names of the jobs that the close of its
# scheduler reports as not obeying.
sub run_program ($text)
{
	my $include = join ' ', map { "-I'$_'" } @INC;
	my $reports = qx{$^X $include -e '$text' 2>&1};
	my $names = join ' ', sort $reports =~ /name=(.*)>/g;
	my $lines = () = $reports =~ /\n/g;
	is($lines, 3 * split(' ', $names), 'nothing else is said') or diag($reports);
	return "$? $names";
}

subtest 'thousands of functions' => sub {
	my $scheduler = Ptjobs->new(limit => 4, pending_limit => 0);
	my @jobs = map { $scheduler->spawn('libjobs.so', 'job_give', \$_) } my @numbers = (0 .. 19_999);
	is_deeply([map { $_->value } @jobs], \@numbers, 'have their results');
};

subtest 'failures' => sub {
	my $scheduler = Ptjobs->new;
	my $job = $scheduler->spawn('libjobs.so', 'job_fail', 'disk on fire');
	is(error_of { $job->value }, 'Ptjobs::JobError EIO', 'have their code');
	is("$@", 'disk on fire', 'and their message');
	is(error_of { $scheduler->spawn('libmissing.so', 'job_give') }, 'Ptjobs::Error ELIBACC', 'no library');
	is(error_of { $scheduler->spawn('libjobs.so', 'job_missing') }, 'Ptjobs::Error ENOSYS', 'no function');
};

subtest 'cancellation' => sub {
	my $scheduler = Ptjobs->new;
	my $gate = Gate->new;
	my $obedient = spawn_gate($scheduler, 'job_obey', $gate);
	$gate->wait_for_job;
	$obedient->cancel;
	is(error_of { $obedient->value }, 'Ptjobs::Cancelled', 'ends a job that obeys');
	my $stubborn = spawn_gate($scheduler, 'job_gate', $gate);
	$gate->wait_for_job;
	$stubborn->cancel;
	$gate->open;
	is($stubborn->value, 7, 'one that finishes all the same has its result');
};

subtest 'a close does not wait for a job that does not obey' => sub {
	is(run_program(<<~'END'), '0 job-1', 'reported');
		use v5.36;
		use Socket;
		use Ptjobs;
		socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC;
		my $scheduler = Ptjobs->new;
		my @jobs = map { $scheduler->spawn("libjobs.so", $_, \fileno $theirs) } qw(job_gate job_obey);
		sysread $ours, my $byte, 1 for 1, 2;
		$scheduler->close;
		eval { $jobs[0]->value };
		exit 1 unless ref $@ eq "Ptjobs::Error" && $@ eq "Connection timed out";
		eval { $jobs[1]->value };
		exit 2 unless $@->isa("Ptjobs::Cancelled");
		eval { $scheduler->spawn("libjobs.so", "job_give") };
		exit 3 unless $@ eq "Cannot send after transport endpoint shutdown";
		syswrite $ours, "\a";
		# It is still taken when it has ended.
		$scheduler->wait_until(do { my $calls = 0; sub { $calls++ } });
		END
};

subtest 'arguments' => sub {
	my $scheduler = Ptjobs->new(limit => 1);
	my $gate = Gate->new;
	spawn_gate($scheduler, 'job_gate', $gate);
	my @jobs = map { $scheduler->spawn('libjobs.so', 'job_sum', chr($_ % 255 + 1) x $_) } 1 .. 999;
	my @garbage = map { 'x' x $_ } 1 .. 999;
	$gate->open;
	is_deeply([map { $_->value } @jobs], [map { $_ * ($_ % 255 + 1) } 1 .. 999],
		'live until their jobs have ended');
};

subtest 'a job that nobody keeps' => sub {
	my $ended = Gate->new;
	{
		my $scheduler = Ptjobs->new;
		spawn_gate($scheduler, 'job_gate', $ended);
	}
	$ended->wait_for_job;
	$ended->open;
	pass('runs with its scheduler');
};

subtest 'an event loop' => sub {
	my $scheduler = Ptjobs->new;
	open my $fd, '<&', $scheduler->fd or die $!;
	my $select = IO::Select->new($fd);
	is_deeply([$select->can_read(0)], [], 'hears of nothing while nothing has ended');
	my $job = $scheduler->spawn('libjobs.so', 'job_give', \5);
	is_deeply([$select->can_read(60)], [$fd], 'hears of the end');
	$scheduler->take;
	ok($job->ended, 'and of which');
	is_deeply([$select->can_read(0)], [], 'once');
};

subtest 'a child' => sub {
	my $scheduler = Ptjobs->new;
	my $gate = Gate->new;
	my $job = spawn_gate($scheduler, 'job_gate', $gate);
	$gate->wait_for_job;
	my $child = fork // die $!;
	if (!$child) {
		my $dead = error_of { $scheduler->spawn('libjobs.so', 'job_give') };
		_exit(1) if $dead ne 'Ptjobs::Error ENOTRECOVERABLE';
		$job->cancel;
		_exit(Ptjobs->new->spawn('libjobs.so', 'job_sum', 'a')->value == 97 ? 0 : 2);
	}
	waitpid $child, 0;
	is($?, 0, 'has a dead scheduler and makes a new one');
	$gate->open;
	is($job->value, 7, 'and leaves its parent alone');
};

subtest 'the end of the program while jobs run' => sub {
	my $text = <<~'END';
		use Socket;
		use Ptjobs;
		socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC;
		my $scheduler = Ptjobs->new;
		$scheduler->spawn("libjobs.so", $_, \fileno $theirs) for qw(job_spin job_obey);
		sysread $ours, my $byte, 1 for 1, 2;
		END
	is(run_program($text), '0 job-1', 'by itself');
	is(run_program("$text exit 3"), '768 job-1', 'by an exit');
	is(run_program("$text use POSIX; POSIX::_exit(0)"), '0 ', 'without more ado');
};

done_testing;
