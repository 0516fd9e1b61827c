# SPDX-License-Identifier: Apache-2.0
# Joins two new Ethernet interfaces by a wire that is slow and loses frames in one direction, as `tc netem` does where the
# kernel has it:
#     perl network-wire.pl HOST_SIDE NETWORK_SIDE
# Each line of the standard input, "DELAY_MS JITTER_MS LOSS_PERCENT", sets what holds for frames from the first to the second from
# then on. The first line of the output says that the interfaces are there; they go with the process, at the latest
# when its standard input ends.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant { TUNSETIFF => 0x400454ca, IFF_TAP => 0x0002, IFF_NO_PI => 0x1000 };
use constant { FRAME_BYTES_MAX => 65_600, QUEUE_FRAMES_MAX => 10_000 };

sub interface {
  my ($name) = @_;
  open(my $device, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
  ioctl($device, TUNSETIFF, pack('a16 s x22', $name, IFF_TAP | IFF_NO_PI)) or die "$name: $!\n";
  return $device;
}

my ($host, $network) = map { interface($_) } @ARGV;
my ($delay_s, $jitter_s, $loss) = (0, 0, 0);
my @queue;
my $last_due = 0;
$| = 1;
print "ready\n";

for (;;) {
  my $now = clock_gettime(CLOCK_MONOTONIC);
  # A frame that cannot be written is lost, as on any wire.
  syswrite($network, (shift @queue)->[1]) while @queue && $queue[0][0] <= $now;
  my $wanted = '';
  vec($wanted, fileno($_), 1) = 1 for $host, $network, \*STDIN;
  select(my $ready = $wanted, undef, undef, @queue ? $queue[0][0] - $now : undef) >= 0 or next;
  if (vec($ready, fileno(STDIN), 1)) {
    sysread(STDIN, my $line, 256) or exit 0;
    my ($delay_ms, $jitter_ms, $percent) = split ' ', (split /\n/, $line)[-1];
    ($delay_s, $jitter_s, $loss) = ($delay_ms / 1000, $jitter_ms / 1000, $percent / 100);
  }
  if (vec($ready, fileno($network), 1) && sysread($network, my $frame, FRAME_BYTES_MAX)) {
    syswrite($host, $frame);
  }
  if (vec($ready, fileno($host), 1) && sysread($host, my $frame, FRAME_BYTES_MAX)) {
    next if rand() < $loss || @queue >= QUEUE_FRAMES_MAX;
    # Frames keep their order: what TCP makes of another is not what is tested.
    my $due = clock_gettime(CLOCK_MONOTONIC) + $delay_s + (2 * rand() - 1) * $jitter_s;
    $last_due = $due if $due > $last_due;
    push @queue, [$last_due, $frame];
  }
}
