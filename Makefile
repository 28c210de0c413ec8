# oxg: one static executable, built from this directory and nothing else.
#
#   make            ./oxg            make demo           see it work
#   make check      all tests        make check-binary   what ./oxg is made of
#   make wall       who calls whom   make reproducible   equal bytes, twice
#   make knockout   one wall at a time does not stand: nothing is executed
#   make warnings   gcc, clang       make lint           cppcheck, shellcheck
#   make asan       tests, ASan+UBSan    make fuzz       FUZZ_SECONDS each
#   make bench      beside bubblewrap and the shell recipe
#   make install    PREFIX, DESTDIR      make distclean  forget all products
#
# The libraries are fetched and built by vendor/ (see vendor/README). Paths with
# blanks in them do not work: make cannot quote them.

VERSION = 0.3.0
PREFIX  = /usr/local
CROSS   =
ifeq ($(origin CC),default)
CC      = $(CROSS)gcc
endif
# What runs a program of CROSS on this machine (qemu-aarch64-static).
RUN     =
B       = build
PROVE   = prove --timer --failures --comments
FUZZ_SECONDS = 20

export LC_ALL = C
SHELL = /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDEXPANSION:
.PHONY: all programs check check-binary knockout wall reproducible warnings lint asan \
	fuzz bench demo quickstart install clean distclean
all: oxg

# ---- the rooms ---------------------------------------------------------------

TOP   = oxg verify sandbox limits tokens report
ROOMS = lib trust jail broker evidence cmd
# Run while building, write the embedded seccomp programs and schemas: not part of oxg.
TOOL  = jail/mkprofile.c evidence/mkschema.c
SRC   = $(TOP:=.c) $(filter-out $(TOOL),$(sort $(wildcard $(ROOMS:=/*.c))))
OBJ   = $(SRC:%.c=$(B)/obj/%.o)
SCHEMAS = $(sort $(wildcard schema/*.json))
GEN   = $(B)/gen/version.h $(B)/gen/schema.h $(B)/gen/profile.h $(B)/gen/calls.h

# ---- flags ---------------------------------------------------------------------

# A flag, if this compiler knows it.
opt = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')

SYS   = $(B)/sys
# musl's headers, the compiler's own, the kernel's; nothing of the machine's libc.
musl  = -nostdinc -isystem $(SYS)/include -isystem \
	$(shell $(1) -print-file-name=include 2>/dev/null) -isystem $(B)/kernel
# _GNU_SOURCE is defined empty, so a file that defines it as well is not at odds.
LANGUAGE = -std=gnu11 -D_GNU_SOURCE= -I. -I$(B)/gen \
	-DJSMN_PARENT_LINKS -DJSMN_STRICT -DJSMN_STATIC
WARN  = -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wformat=2 -Werror \
	-Wno-missing-field-initializers
# What an initializer leaves out is zero, and libseccomp's macros rely on it.
# CET is off since musl's assembly has none and the linker would drop it anyway;
# _FORTIFY_SOURCE is unknown to musl.
HARDEN := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE \
	$(call opt,-fstack-clash-protection) $(call opt,-ftrivial-auto-var-init=zero) \
	$(call opt,-fcf-protection=none)
# Nobody unwinds a stack here but a debugger, and it has .debug_frame.
SMALL := $(call opt,-fno-asynchronous-unwind-tables) $(call opt,-fno-unwind-tables)
MUSL  := $(call musl,$(CC))
CFLAGS = -O2 -g
# The last ones make equal bytes wherever the tree lies and let the linker drop
# what nobody calls.
ALL_CFLAGS = $(LANGUAGE) $(WARN) $(MUSL) $(HARDEN) $(SMALL) $(CFLAGS) \
	-ffile-prefix-map=$(CURDIR)=. -ffunction-sections -fdata-sections

# Linked by hand: a compiler's own idea of -static-pie takes the wrong start file
# with musl and makes a program that wants an interpreter.
LIBGCC := $(shell $(CC) -print-libgcc-file-name 2>/dev/null)
LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack,-z,text,-z,separate-code \
	-Wl,--build-id=none,--gc-sections,--fatal-warnings,--hash-style=gnu
# Packed relocations, where linker and lib/entry.c can (a linker that cannot warns).
PACKED := $(if $(findstring x86_64,$(shell $(CC) -dumpmachine)),$(shell \
	echo 'int x;' | $(CC) -nostdlib -shared -fPIC -Wl,--fatal-warnings,-z,pack-relative-relocs \
	-x c - -o /dev/null 2>/dev/null && echo -Wl,-z,pack-relative-relocs,-e,oxg_entry))
LIBS  = -L$(SYS)/lib -Wl,--start-group -lbearssl -lseccomp -lc $(LIBGCC) -Wl,--end-group
LINK  = $(CC) -nostdlib -nostartfiles $(LDFLAGS)
PIE   = -static-pie $(SYS)/lib/rcrt1.o $(SYS)/lib/crti.o
PLAIN = -static -no-pie $(SYS)/lib/crt1.o $(SYS)/lib/crti.o
END   = $(LIBS) $(SYS)/lib/crtn.o

# One short line for each product; V=1 shows the commands.
show = $(if $(V),,@echo '  $(1) $@';)

# ---- the program ---------------------------------------------------------------

oxg: $(B)/oxg.debug
	$(call show,strip)$(CROSS)strip -o $@ $<

$(B)/oxg.debug: $(OBJ)
	$(call show,link )$(LINK) $(PACKED) $(PIE) -o $@ $(OBJ) $(END)

$(OBJ): $(B)/obj/%.o: %.c Makefile $(SYS)/stamp | $(GEN)
	@mkdir -p $(@D)
	$(call show,cc   )$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What walks over what a plugin wrote is made fast, all else small (-Oz, where the
# compiler has it): 600 KiB are the most that the program may have.
FAST  = $(patsubst %,lib/%.o,flat hash json jsonout lines sha256ni util) broker/stream.o \
	$(patsubst %,evidence/%.o,findings found journal)
LEAST := $(or $(call opt,-Oz),-Os)
$(filter-out $(FAST:%=$(B)/obj/%),$(OBJ)): CFLAGS += $(LEAST)
$(B)/obj/lib/entry.o: CFLAGS += -fno-stack-protector

$(B)/dist/chosen: vendor/pins vendor/fetch
	@vendor/fetch $(B)/dist

$(SYS)/stamp: $(B)/dist/chosen vendor/build
	@CC='$(CC)' CROSS='$(CROSS)' CFLAGS= vendor/build $(B)

$(B)/gen/version.h: Makefile
	@mkdir -p $(@D)
	@echo '#define OXG_VERSION "$(VERSION)"' >$@

# schema_table[]: every schema's name and place; and all of them, packed.
$(B)/gen/schema.h: $(B)/mkschema $(SCHEMAS)
	$(call show,run  )$(RUN) $(B)/mkschema $(SCHEMAS) >$@

$(B)/gen/profile.h: $(B)/mkprofile
	$(call show,run  )$(RUN) $(B)/mkprofile >$@

$(B)/gen/calls.h: $(B)/mkprofile
	$(call show,run  )$(RUN) $(B)/mkprofile names >$@

$(B)/mkprofile: jail/mkprofile.c
$(B)/mkschema: evidence/mkschema.c
$(B)/mkprofile $(B)/mkschema: Makefile $(SYS)/stamp | $(B)/gen/version.h
	$(call show,cc   )$(LINK) $(PIE) $(ALL_CFLAGS) -MMD -MP -MT $@ -MF $@.d -o $@ $(filter %.c,$^) $(END)

# ---- programs for the tests ----------------------------------------------------

PLUGINS  = $(patsubst t/plugins/%.c,$(B)/plugins/%,$(wildcard t/plugins/*.c))
EXAMPLES = $(patsubst examples/%/,$(B)/examples/%,$(sort $(dir $(wildcard examples/*/*.c))))
UNITS    = $(patsubst t/unit/%.c,$(B)/unit/%,$(wildcard t/unit/*.c))
PLUGIN_CFLAGS = $(LANGUAGE) -Wall -Wextra $(MUSL) -O2 -fno-pie

programs: $(PLUGINS) $(EXAMPLES) $(UNITS)

$(PLUGINS): $(B)/plugins/%: t/plugins/%.c $(wildcard t/plugins/*.h) Makefile $(SYS)/stamp
	@mkdir -p $(@D)
	$(call show,cc   )$(LINK) $(PLAIN) $(PLUGIN_CFLAGS) -o $@ $< $(END)

$(EXAMPLES): $(B)/examples/%: $$(wildcard examples/$$*/*.c) Makefile $(SYS)/stamp
	@mkdir -p $(@D)
	$(call show,cc   )$(LINK) $(PLAIN) $(PLUGIN_CFLAGS) -o $@ $(filter %.c,$^) $(END)

# An archive, so that a test may include the very file it tests.
$(B)/rooms.a: $(filter-out $(B)/obj/oxg.o,$(OBJ))
	@rm -f $@
	@$(CROSS)ar rcsD $@ $^

$(UNITS): $(B)/unit/%: t/unit/%.c $(B)/rooms.a | $(GEN)
	@mkdir -p $(@D)
	$(call show,cc   )$(LINK) $(PIE) $(ALL_CFLAGS) -MMD -MP -MT $@ -MF $@.d -o $@ $< $(B)/rooms.a $(END)

# Other people's readers of what oxg writes: pinned, for the tests only.
$(B)/node/stamp: vendor/node/package.json vendor/node/package-lock.json
	@mkdir -p $(@D)
	@cp vendor/node/package*.json $(@D)
	$(call show,npm  )cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 || \
		{ cat npm.log >&2; exit 1; }
	@touch $@

# ---- tests ---------------------------------------------------------------------

TESTS = $(sort $(wildcard t/*.t))

# prove calls a suite that skipped everything a success; it is none.
# $(1): environment, $(2): tests
prove = { OXG=$(CURDIR)/oxg BUILD=$(abspath $(B)) $(1) $(PROVE) $(2); echo $$? >$(B)/prove.status; } 2>&1 | \
	tee $(B)/prove.log; \
	if grep -q '^Result: NOTESTS' $(B)/prove.log; then echo 'no test was run' >&2; exit 1; fi; \
	exit "$$(cat $(B)/prove.status)"

# Who measures time, or looks at all that is on the machine, runs alone.
ALONE = $(filter $(patsubst %,t/%.t,attempts broker deaths doctor endings limits page sealed \
	tiers),$(TESTS))
check:
	@vendor/setup
	@$(MAKE) --no-print-directory all programs $(B)/node/stamp
	@($(call prove,,-j2 $(filter-out $(ALONE),$(TESTS)) $(UNITS))) || failed=yes; \
	($(call prove,,$(ALONE))) && [ -z "$$failed" ]

check-binary: all
	@$(call prove,,t/elf.t)

knockout:
	@vendor/setup
	@$(MAKE) --no-print-directory all $(B)/plugins/knockout $(B)/plugins/hostile
	@$(call prove,,t/knockout.t)

demo:
	@vendor/setup
	@$(MAKE) --no-print-directory all $(EXAMPLES)
	@OXG=$(CURDIR)/oxg BUILD=$(abspath $(B)) t/demo

# What examples/quickstart comes to now, by its README, in a place that tells of nobody.
QUICK = /tmp/oxg-quickstart
quickstart: oxg
	@mkdir -m 755 $(QUICK) $(QUICK)/examples $(QUICK)/out
	@cp oxg $(QUICK)/ && cp -R examples/quickstart $(QUICK)/examples/ && chmod -R go-w $(QUICK)
	@cd $(QUICK) && sed -n '/^  export/,/headers$$/p' examples/quickstart/README | sh -e
	@chmod -Rf u+w examples/quickstart/expected $(QUICK)/out; rm -rf examples/quickstart/expected
	@cp -R $(QUICK)/out/quickstart examples/quickstart/expected && rm -rf $(QUICK)

wall: $(OBJ)
	@NM=$(CROSS)nm t/wall $(B)/obj

# Two copies in two places, built at another time of day in another way.
# REPRO_FULL=1 builds the libraries anew as well.
reproducible: $(SYS)/stamp
	@rm -rf $(B)/repro
	@for copy in $(B)/repro/one $(B)/repro/another/two; do \
		mkdir -p $$copy/build; \
		tar -c --exclude=./build --exclude=./out --exclude=./.git --exclude=./oxg . | tar -xC $$copy; \
		cp -a $(B)/dist $$copy/build/; \
		[ -n "$(REPRO_FULL)" ] || cp -a $(B)/sys $(B)/kernel $$copy/build/; \
	done
	@unset MAKEFLAGS MFLAGS MAKELEVEL; \
	(umask 022; export TZ=UTC; exec $(MAKE) -s -j1 -C $(B)/repro/one CC='$(CC)' CROSS='$(CROSS)') && \
	(umask 077; export TZ=Asia/Tokyo; exec $(MAKE) -s -j3 -C $(B)/repro/another/two CC='$(CC)' CROSS='$(CROSS)')
	@cd $(B)/repro && $(CC) --version | head -n 1 && \
	for f in oxg build/sys/lib/libc.a build/sys/lib/libbearssl.a build/sys/lib/libseccomp.a; do \
		cmp one/$$f another/two/$$f && (cd one && sha256sum $$f) || exit 1; \
	done

# The same sources for the machine's own C library, where sanitizers live. The
# leak checker is off: it hangs once a seccomp filter is loaded.
ASAN_FLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
ASAN_OBJ   = $(SRC:%.c=$(B)/asan/obj/%.o)
asan:
	@vendor/setup
	@$(MAKE) --no-print-directory all programs $(B)/asan/oxg
	@$(call prove,OXG=$(CURDIR)/$(B)/asan/oxg ASAN_OPTIONS=detect_leaks=0,$(filter-out t/elf.t,$(TESTS)))

$(B)/asan/oxg: $(ASAN_OBJ)
	$(call show,link )$(CC) $(ASAN_FLAGS) -o $@ $(ASAN_OBJ) -L$(B)/host/lib -lbearssl -lseccomp

$(ASAN_OBJ): $(B)/asan/obj/%.o: %.c Makefile $(B)/host/stamp | $(GEN)
	@mkdir -p $(@D)
	$(call show,cc   )$(CC) $(LANGUAGE) $(filter-out -Werror,$(WARN)) -isystem $(B)/host/include $(ASAN_FLAGS) -MMD -MP -c -o $@ $<

$(B)/host/stamp: $(SYS)/stamp
	@CC='$(CC)' CROSS='$(CROSS)' CFLAGS='$(ASAN_FLAGS)' vendor/build $(B) host

FUZZ_FLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZERS    = $(patsubst t/fuzz/%.c,$(B)/fuzz/%,$(wildcard t/fuzz/*.c))
fuzz: $(FUZZERS)
	@for f in $(FUZZERS); do \
		n=$${f##*/}; mkdir -p $(B)/fuzz/corpus/$$n; echo "fuzz: $$n"; \
		seeds=t/fuzz/corpus/$$n; [ -d $$seeds ] || seeds=; \
		$$f -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(B)/fuzz/$$n- -print_final_stats=1 \
			$(B)/fuzz/corpus/$$n $$seeds >$$f.log 2>&1 || { tail -n 60 $$f.log; exit 1; }; \
		grep number_of_executed_units $$f.log; \
	done

$(FUZZERS): $(B)/fuzz/%: t/fuzz/%.c Makefile $(B)/fuzzlib/stamp | $(GEN)
	@mkdir -p $(@D)
	$(call show,cc   )clang $(LANGUAGE) $(FUZZ_FLAGS) -fsanitize=fuzzer -isystem $(B)/fuzzlib/include \
		-MMD -MP -MT $@ -MF $@.d -o $@ $< -L$(B)/fuzzlib/lib -lbearssl -lseccomp

$(B)/fuzzlib/stamp: $(SYS)/stamp
	@CC=clang CFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' vendor/build $(B) fuzzlib

# What a run costs beside what it replaces. Interleaved, for ratios.
BENCH = $(B)/bench/pair $(B)/bench/filter $(B)/bench/ten
BENCH_ROUNDS = 100
bench: all $(BENCH)
	@OXG=$(CURDIR)/oxg B=$(abspath $(B))/bench t/bench/run $(BENCH_ROUNDS)

$(BENCH): $(B)/bench/%: t/bench/%.c Makefile $(SYS)/stamp | $(GEN)
	@mkdir -p $(@D)
	$(call show,cc   )$(LINK) $(PLAIN) $(PLUGIN_CFLAGS) -o $@ $< $(END)

# The build itself is one compiler with musl's headers; here is what else there is of
# both compilers with both sets of headers.
CHECKED = $(SRC) $(TOOL)
warnings: $(SYS)/stamp $(GEN)
	@mkdir -p $(B)/headers
	@for h in bearssl bearssl_aead bearssl_block bearssl_ec bearssl_hash bearssl_hmac bearssl_kdf bearssl_pem \
		bearssl_prf bearssl_rand bearssl_rsa bearssl_ssl bearssl_x509 seccomp seccomp-syscalls jsmn; do \
		ln -sf ../sys/include/$$h.h $(B)/headers/; \
	done
	@try() { \
		cc=$$1; set_of="$$1 with $$2's headers"; shift 2; \
		if ! echo '#include <stdio.h>' | $$cc "$$@" -fsyntax-only -x c - 2>/dev/null; then \
			echo "warnings: no $$set_of here"; return 0; \
		fi; \
		echo "warnings: $$set_of"; \
		echo $(CHECKED) | xargs -n 8 -P "$$(nproc)" $$cc $(LANGUAGE) $(WARN) "$$@" -fsyntax-only || exit 1; \
	}; \
	try '$(CC)' 'the machine' -isystem $(B)/headers && \
	try clang musl $(call musl,clang) && try clang 'the machine' -isystem $(B)/headers

# uninitvar sees sorted arrays as unset; the compilers watch for that themselves.
# varFuncNullUB takes NULL for a plain 0, which with our C library it is not; and
# cppcheck does not know _Noreturn by that name.
SCRIPTS = find . \( -path ./$(B) -o -path ./.git -o -path ./out \) -prune -o -type f -exec \
	awk 'FNR == 1 && /^\#!.*[\/ ](ba)?sh( |$$)/ { print FILENAME }' {} +
lint: $(SYS)/stamp $(GEN)
	@if command -v shellcheck >/dev/null; then $(SCRIPTS) | sort | xargs shellcheck -x -P SCRIPTDIR; else echo 'lint: no shellcheck here' >&2; fi
	@if command -v cppcheck >/dev/null; then \
		cppcheck -q -j "$$(nproc)" --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
			--suppress=missingIncludeSystem --suppress=uninitvar --suppress=varFuncNullUB -D'_Noreturn=__attribute__((noreturn))' $(filter-out -std=%,$(LANGUAGE)) $(CHECKED); \
	else echo 'lint: no cppcheck here' >&2; fi

# ---- installing and forgetting -------------------------------------------------

DATA = $(DESTDIR)$(PREFIX)/share
install: all
	install -D -m 0755 oxg $(DESTDIR)$(PREFIX)/bin/oxg
	for f in $(wildcard doc/*.1); do install -D -m 0644 $$f $(DATA)/man/man1/$${f##*/}; done
	for f in $(wildcard doc/*.bash); do n=$${f##*/}; install -D -m 0644 $$f $(DATA)/bash-completion/completions/$${n%.bash}; done
	for f in $(wildcard README* doc/*.md doc/*.txt); do install -D -m 0644 $$f $(DATA)/doc/oxg/$${f##*/}; done
	install -D -m 0644 vendor/README $(DATA)/doc/oxg/LIBRARIES

# Keeps what vendor/ made; distclean does not.
clean:
	rm -f oxg
	[ ! -d $(B) ] || find $(B) -mindepth 1 -maxdepth 1 ! -name dist ! -name src ! -name sys ! -name kernel -exec rm -rf {} +

distclean:
	rm -rf oxg $(B)

-include $(OBJ:.o=.d) $(ASAN_OBJ:.o=.d) $(UNITS:=.d) $(FUZZERS:=.d) $(B)/mkprofile.d $(B)/mkschema.d
