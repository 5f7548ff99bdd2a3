#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# peak.pl FILE COMMAND…: runs the command and writes the most anonymous memory
# that its process was seen with, in KiB, to FILE. Exits as the command does.
# Anonymous memory alone: mapped pages of local state are the kernel's to drop.
# VmHWM would count those, so it is sampled; a peak of less than one interval
# can be missed, but a buffer of megabytes takes longer to be filled.
use strict;
use warnings;
use POSIX ':sys_wait_h';

my $file = shift @ARGV;
my $most = 0;
my $pid = fork() // die "fork: $!\n";
if ($pid == 0) {
	exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n";
}
$SIG{INT} = $SIG{TERM} = sub { kill $_[0], $pid };
my $status = -1;
for (;;) {
	my $gone = waitpid($pid, WNOHANG);
	if ($gone == $pid) {
		$status = $?;
		last;
	}
	if (open(my $in, '<', "/proc/$pid/status")) {
		while (<$in>) {
			$most = $1 if /^RssAnon:\s+(\d+)/ && $1 > $most;
		}
		close($in);
	}
	select(undef, undef, undef, 0.01);
}
open(my $out, '>', $file) or die "$file: $!\n";
print $out "$most\n";
close($out) or die "$file: $!\n";
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
