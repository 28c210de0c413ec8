#!/usr/bin/perl
# What ./oxg is made of, read with readelf and nm: one static executable that
# can lie at any address, with nothing writable and executable in it. F029
use strict;
use warnings;
use Test::More;

my $build = $ENV{BUILD} || 'build';
my $oxg   = $ENV{OXG}   || './oxg';
$ENV{LC_ALL} = 'C';

sub output_of {
	open my $pipe, '-|', @_ or BAIL_OUT("cannot run $_[0]: $!");
	my $text = do { local $/; <$pipe> };
	close $pipe or BAIL_OUT("@_ fails");
	return $text;
}

-x $oxg or BAIL_OUT("$oxg is missing: run make");

my $header   = output_of('readelf', '-hW', $oxg);
my $segments = output_of('readelf', '-lW', $oxg);
my $dynamic  = output_of('readelf', '-dW', $oxg);
my $sections = output_of('readelf', '-SW', $oxg);

# "TYPE offset vaddr paddr filesize memsize FLAGS align"
my @segment = map { /^\s+([A-Z_0-9]+)\s+(?:0x[0-9a-f]+\s+){5}([RWE ]{3})/ ? [$1, $2] : () }
	split /\n/, $segments;
my %segment = map { @$_ } @segment;

cmp_ok(scalar(grep { $_->[0] eq 'LOAD' } @segment), '>=', 2, 'readelf is understood');
like($header, qr/^\s+Type:\s+DYN\b/m, 'position independent'); # F029
ok(!exists $segment{INTERP}, 'no interpreter: static'); # F029
unlike($dynamic, qr/\(NEEDED\)/, 'needs no shared library'); # F029
is($segment{GNU_STACK}, 'RW ', 'the stack is not executable');
ok(exists $segment{GNU_RELRO}, 'relocated data is marked read-only');
is(scalar(grep { $_->[1] =~ /W/ && $_->[1] =~ /E/ } @segment), 0,
	'no segment is writable and executable');
like($dynamic, qr/\(BIND_NOW\)|\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b/, 'bound at start');
unlike($dynamic, qr/\(TEXTREL\)|\bTEXTREL\b/, 'no text relocation');
unlike($dynamic, qr/\((?:RPATH|RUNPATH)\)/, 'no search path for libraries');
unlike($sections, qr/\s\.symtab\s/, 'stripped');
unlike($sections, qr/\s\.note\.gnu\.build-id\s/, 'no build id: equal sources give equal bytes'); # F029

SKIP: {
	-e "$build/oxg.debug" or skip('no unstripped program beside it', 1);
	my $symbols = output_of('nm', "$build/oxg.debug");
	like($symbols, qr/ T main$/m, 'nm is understood');
	unlike($symbols, qr/ [Tt] iconv$/m, "musl's iconv, with its known defects, is not linked");
}

# A path of the machine that built it would be a leak and break reproducibility.
open my $file, '<:raw', $oxg or BAIL_OUT("$oxg: $!");
my $bytes = do { local $/; <$file> };
(my $tree = $build) =~ s{/[^/]+/?\z}{};
SKIP: {
	$tree =~ m{^/.+/} or skip('the place of the tree is not known', 1);
	is(index($bytes, $tree), -1, 'the place where it was built is not in it'); # F029
}

done_testing();
