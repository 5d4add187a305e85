# SPDX-License-Identifier: Apache-2.0

# ptjobs with FFI::Platypus.
#
#	my $scheduler = Ptjobs->new(limit => 4);
#	my $job = $scheduler->spawn('library.so', 'function', 'argument');
#	say $job->value;
#	$scheduler->close;
#
# A job is the names of a library and of a C function in it, which runs on a thread of the
# scheduler's beside Perl.  It cannot be a Perl function: a thread that is not Perl's own has no
# interpreter and dies of it, and takes the process along.  The mode is the cooperative one.
#
# Errors are exceptions, Ptjobs::Error, with a code and a message.

package Ptjobs::Error;
use v5.36;
use overload '""' => sub { $_[0]->message }, fallback => 1;

sub new ($class, $code, $message = undef)
{
	return bless { code => $code, message => $message // Ptjobs::strerror($code) }, $class;
}

sub code ($self) { $self->{code} }
sub message ($self) { $self->{message} }

# The job failed, with this code and message; the job was closed before it had ended.
package Ptjobs::JobError;
our @ISA = 'Ptjobs::Error';
package Ptjobs::Cancelled;
our @ISA = 'Ptjobs::Error';

package Ptjobs;
use v5.36;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(scalar_to_pointer);

my $ffi = FFI::Platypus->new(api => 2, lib => 'libptjobs.so.0');
$ffi->mangler(sub ($name) { "ptj_$name" });
$ffi->attach(strerror => ['int'] => 'string');
$ffi->attach(constant => ['string', 'sint64*'] => 'int');
$ffi->attach(attr_create => ['opaque*'] => 'int');
$ffi->attach(attr_set_limit => ['opaque', 'size_t'] => 'int');
$ffi->attach(attr_set_pending_limit => ['opaque', 'size_t'] => 'int');
$ffi->attach(attr_set_cancel_mode => ['opaque', 'int'] => 'int');
$ffi->attach(attr_free => ['opaque']);
$ffi->attach(scheduler_create => ['opaque*', 'opaque'] => 'int');
$ffi->attach(scheduler_close => ['opaque'] => 'int');
$ffi->attach(scheduler_free => ['opaque']);
$ffi->attach(completions_create => ['opaque*', 'int'] => 'int');
$ffi->attach(completions_fd => ['opaque'] => 'int');
$ffi->attach(completions_take => ['opaque', 'opaque*', 'size_t', 'sint64', 'size_t*'] => 'int');
$ffi->attach(completions_free => ['opaque']);
$ffi->attach(job_attr_create => ['opaque*'] => 'int');
$ffi->attach(job_attr_set_completions => ['opaque', 'opaque'] => 'int');
$ffi->attach(job_attr_free => ['opaque']);
$ffi->attach(spawn_symbol =>
	['opaque', 'opaque', 'string', 'string', 'opaque', 'sint64', 'opaque*'] => 'int');
$ffi->attach(job_poll => ['opaque', 'sint64', 'opaque*'] => 'int');
$ffi->attach(job_close => ['opaque', 'sint64'] => 'int');
$ffi->attach(job_error => ['opaque'] => 'int');
$ffi->attach(job_error_message => ['opaque'] => 'string');
$ffi->attach(job_unref => ['opaque']);

sub check ($code)
{
	die Ptjobs::Error->new($code) if $code != 0;
}

sub value_of ($name)
{
	check(constant($name, \my $value));
	return $value;
}

my $COOPERATIVE = value_of('PTJ_CANCEL_COOPERATIVE');
my $EFAILED = value_of('PTJ_EFAILED');

# The jobs that have not been taken from their queue, by handle: C may use whatever they refer to,
# and their scheduler, as long as they run.
my %jobs;

# Those of them that obey have ended before Perl releases anything at the end of the program.
END {
	my %schedulers = map { $_->{scheduler}{scheduler} => 1 } values %jobs;
	scheduler_close($_) for keys %schedulers;
}

sub new ($class, %options)
{
	my $self = bless {}, $class;
	check(attr_create(\my $attr));
	check(attr_set_limit($attr, $options{limit} // 100));
	check(attr_set_pending_limit($attr, $options{pending_limit} // 10_000));
	check(attr_set_cancel_mode($attr, $COOPERATIVE));
	check(scheduler_create(\$self->{scheduler}, $attr));
	attr_free($attr);
	check(completions_create(\$self->{completions}, -1));
	check(job_attr_create(\$self->{attr}));
	check(job_attr_set_completions($self->{attr}, $self->{completions}));
	return $self;
}

# The descriptor that is readable when take() has something to do: for any event loop.
sub fd ($self)
{
	return completions_fd($self->{completions});
}

# Runs a function of a C library, void *(*)(void *), with a copy of a string, or with the number that
# $argument is a reference to.  An error with EAGAIN while pending_limit jobs are in line.
sub spawn ($self, $library, $function, $argument = \0)
{
	my $job = bless { scheduler => $self }, 'Ptjobs::Job';
	my $pointer = ref $argument ? $$argument : scalar_to_pointer($job->{argument} = "$argument\0");
	check(spawn_symbol($self->{scheduler}, $self->{attr}, $library, $function, $pointer, 0,
		\$job->{handle}));
	return $jobs{$job->{handle}} = $job;
}

# Waits until $condition returns true, which it calls again when jobs have ended.
sub wait_until ($self, $condition)
{
	until ($condition->()) {
		vec(my $readable = '', $self->fd, 1) = 1;
		select($readable, undef, undef, undef);
		$self->take;
	}
}

# Takes note of the jobs that have ended.
sub take ($self)
{
	while (completions_take($self->{completions}, \my $handle, 1, 0, \my $taken) == 0) {
		(delete $jobs{$handle})->finish;
		job_unref($handle);
	}
}

# Closes all jobs.  The value of one that does not obey is an error with ETIMEDOUT.
sub close ($self)
{
	check(scheduler_close($self->{scheduler}));
	$self->take;
	$_->finish for grep { $_->{scheduler} == $self } values %jobs;
}

sub DESTROY ($self)
{
	return if ${^GLOBAL_PHASE} eq 'DESTRUCT';
	scheduler_free($self->{scheduler});
	completions_free($self->{completions});
	job_attr_free($self->{attr});
}

package Ptjobs::Job;
use v5.36;
use Errno qw(ECANCELED);

# Waits until the job has ended.  Returns the result of the C function, as an integer, or dies of a
# Ptjobs::JobError or Ptjobs::Cancelled.
sub value ($self)
{
	$self->{scheduler}->wait_until(sub { $self->{ended} });
	die $self->{error} if $self->{error};
	return $self->{value};
}

sub ended ($self) { $self->{ended} }

# Begins to close the job; value tells how it ended.
sub cancel ($self)
{
	Ptjobs::job_close($self->{handle}, 0);
}

# Notes how the job ended, or that the close of its scheduler did not wait for it.
sub finish ($self)
{
	return if $self->{ended};
	my $handle = $self->{handle};
	my $code = Ptjobs::job_poll($handle, 0, \my $result);
	if ($code == 0) {
		$self->{value} = $result // 0;
	} elsif ($code == $EFAILED) {
		$self->{error} = Ptjobs::JobError->new(Ptjobs::job_error($handle),
			Ptjobs::job_error_message($handle));
	} elsif ($code == ECANCELED) {
		$self->{error} = Ptjobs::Cancelled->new($code);
	} else {
		$self->{error} = Ptjobs::Error->new($code);
	}
	$self->{ended} = 1;
}

sub DESTROY ($self)
{
	return if ${^GLOBAL_PHASE} eq 'DESTRUCT';
	Ptjobs::job_unref($self->{handle});
}

1;
