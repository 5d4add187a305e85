#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0

# compress.pl FROM TO: compresses the files of the folder FROM into the folder TO, in C.  The jobs
# are the name of a C function, and a select() hears of those that have ended.

use v5.36;
use FindBin qw($Bin);
use lib $Bin;
use File::Basename qw(basename);
use List::Util qw(min sum0);
use Ptjobs;

my ($from, $to) = @ARGV;
my $scheduler = Ptjobs->new(limit => 4);

sub compress ($path)
{
	my $paths = "$path\0$to/" . basename($path) . ".gz\0";
	return $scheduler->spawn('libcompress.so', 'compress_file', $paths);
}

opendir my $folder, $from or die "$from: $!\n";
my $endless = compress('/dev/zero');
my $missing = compress("$from/missing");
my @files = map { compress("$from/$_") } grep { !/^\.\.?$/ } readdir $folder;
my @jobs = ($endless, $missing, @files);

STDERR->autoflush;
$scheduler->wait_until(sub {
	my $done = grep { $_->ended } @jobs;
	print STDERR "\r$done of ", scalar @jobs;
	$endless->cancel if $done >= min(10, @jobs - 1);
	return $done == @jobs;
});
print STDERR "\n";

say 'compressed ', scalar @files, ' files, ', sum0(map { $_->value } @files), ' bytes';
eval { $missing->value };
say "failed: $@";
eval { $endless->value };
say 'cancelled: /dev/zero' if $@->isa('Ptjobs::Cancelled');
$scheduler->close;
eval { compress("$from/late") };
say "after the close: $@";
