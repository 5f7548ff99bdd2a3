# SPDX-License-Identifier: BSD-2-Clause
# Triplicate: one Makefile, not recursive. `make help` lists the targets.
# Objects and binaries are under build/VARIANT; `make` links the release
# binaries into build/ itself. Needs GNU make.
VARIANT ?= release
PREFIX  ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 60
SOAK    ?= full
O        = build/$(VARIANT)

FLOORS   = base storage-drivers repository retention restore backupd cli
FLOORS_DOWN = cli backupd restore retention repository storage-drivers base
PACKAGES = libpq libzstd libsodium libcurl libarchive lmdb jansson libcrypto \
	libqrencode expat libssh2

# --- tools -------------------------------------------------------------------
# $(call tool,clang): clang-14 where there is one (its output is our law), else
# clang. Each is looked up once, when it is first used.
tool = $(shell command -v $(1)-14 2>/dev/null || command -v $(1) 2>/dev/null || echo $(1))
CLANG        = $(eval CLANG := $(call tool,clang))$(CLANG)
CLANG_FORMAT = $(eval CLANG_FORMAT := $(call tool,clang-format))$(CLANG_FORMAT)
CLANG_TIDY   = $(eval CLANG_TIDY := $(call tool,clang-tidy))$(CLANG_TIDY)
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(VARIANT),fuzz)
CC := $(call tool,clang)
endif

# V=1 shows whole commands.
Q   = $(if $(V),,@)
say = @$(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),:,echo "  $(1)")

# --- flags -------------------------------------------------------------------
PG_INC  := $(shell pkg-config --cflags libpq 2>/dev/null || echo -I/usr/include/postgresql)
COMPILER := $(shell $(CC) --version 2>/dev/null | head -n1)
IS_CLANG := $(findstring clang,$(COMPILER))
WARN_ALL = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 \
	-Wundef -Wvla -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings \
	-Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Wdouble-promotion
WARN_GCC = -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wtrampolines
WARN_CLANG = -Wcomma -Wconditional-uninitialized -Wunreachable-code-aggressive
WARN    := $(WARN_ALL) $(if $(IS_CLANG),$(WARN_CLANG),$(WARN_GCC))
# Warnings are errors with the compilers that we lint with; a newer one may
# know new warnings, and must still build and test.
WERROR  ?= $(if $(filter 12 14.%,$(shell $(CC) -dumpversion 2>/dev/null)),-Werror)
HARDEN   = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fPIE -fno-strict-overflow \
	-fno-delete-null-pointer-checks -fno-common
ifeq ($(IS_CLANG),)
HARDEN  += -ftrivial-auto-var-init=zero
endif
ifeq ($(shell uname -m),x86_64)
HARDEN  += -fcf-protection=full
endif
CPPFLAGS_ALL = -std=c17 -D_GNU_SOURCE -I. $(patsubst -I%,-isystem %,$(PG_INC)) $(CPPFLAGS)
LDFLAGS_ALL  = -pie -Wl,--as-needed,-z,relro,-z,now,-z,noexecstack,-z,defs $(LDFLAGS)
WATCHED = -O1 -g $(WARN) $(WERROR) -U_FORTIFY_SOURCE -fPIE -fno-omit-frame-pointer
ifeq ($(VARIANT),release)
CFLAGS_ALL = -O2 -g $(WARN) $(HARDEN) $(CFLAGS)
else ifeq ($(VARIANT),debug)
CFLAGS_ALL = -O1 -g $(WARN) $(WERROR) $(HARDEN) $(CFLAGS)
else ifeq ($(VARIANT),asan)
CFLAGS_ALL = $(WATCHED) -fsanitize=address,undefined -fno-sanitize-recover=all $(CFLAGS)
LDFLAGS_ALL += -fsanitize=address,undefined
else ifeq ($(VARIANT),tsan)
CFLAGS_ALL = $(WATCHED) -fsanitize=thread $(CFLAGS)
LDFLAGS_ALL += -fsanitize=thread
else ifeq ($(VARIANT),cover)
CFLAGS_ALL = -O0 -g $(WARN) -fPIE --coverage $(CFLAGS)
LDFLAGS_ALL += --coverage
else ifeq ($(VARIANT),fuzz)
CFLAGS_ALL = $(WATCHED) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all $(CFLAGS)
# Libraries of clang's runtime leave symbols to the program: no -z defs.
LDFLAGS_ALL = -pie -Wl,--as-needed -fsanitize=fuzzer,address,undefined $(LDFLAGS)
else
$(error unknown VARIANT '$(VARIANT)': release, debug, asan, tsan, cover or fuzz)
endif
LIBS = -lpq -lzstd -lsodium -lcurl -larchive -llmdb -ljansson -lcrypto \
	-lqrencode -lexpat -lssh2 -lpthread

# --- what is built -----------------------------------------------------------
lib_of   = $(O)/lib-$(1).a
MAINS    = cli/main.c
src_of   = $(filter-out $(MAINS),$(wildcard $(1)/*.c))
# The libraries of some floors, upper ones first, so that the linker finds what
# lower ones define.
libs_of  = $(foreach f,$(FLOORS_DOWN),$(if $(filter $(f),$(1)),$(if $(call src_of,$(f)),$(call lib_of,$(f)))))
LIBS_ALL := $(call libs_of,$(FLOORS))
PROGRAM  := $(if $(wildcard cli/main.c),$(O)/triplicate)

.PHONY: all
all: $(PROGRAM) $(if $(filter release,$(VARIANT)),$(if $(PROGRAM),build/triplicate)) ## build the programs into build/ (the default)
build/triplicate: build/release/triplicate
	@ln -sfn release/triplicate $@

$(O)/triplicate: $(O)/cli/main.o $(LIBS_ALL)
	$(call say,link $@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS_ALL) $(LIBS)

define floor_rule
$(call lib_of,$(1)): $(patsubst %.c,$(O)/%.o,$(call src_of,$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor_rule,$(f))))

# Neutralization rules travel inside the binary.
$(call lib_of,restore): $(O)/restore/rules_data.o
$(O)/restore/rules_data.c: conf/neutralize/embed.awk $(sort $(wildcard conf/neutralize/*.rules))
	@mkdir -p $(@D)
	$(call say,embed $(VARIANT) conf/neutralize)
	$(Q)awk -f $^ > $@.new && mv $@.new $@
$(O)/restore/rules_data.o: $(O)/restore/rules_data.c | build/packages-found
	$(call say,cc $(VARIANT) $<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(O)/%.o: %.c | build/packages-found
	@mkdir -p $(@D)
	$(call say,cc $(VARIANT) $<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(shell find build -name '*.d' -type f 2>/dev/null)

# A machine without the libraries is told which packages to install, instead of
# which header the compiler misses.
build/packages-found:
	@mkdir -p $(@D)
	@if ! command -v $(CC) >/dev/null 2>&1 || \
	    ! command -v pkg-config >/dev/null 2>&1 || \
	    ! pkg-config --exists $(PACKAGES); then \
		list=$$(tests/lib/deps.sh missing build 2>/dev/null); \
		echo "Triplicate needs Debian packages that are not here:"; \
		echo "    $${list:-$(CC) pkg-config, and the libraries $(PACKAGES)}"; \
		echo "To install them:  make deps"; \
		exit 1; \
	fi >&2
	@touch $@

.PHONY: deps deps-test deps-lint
deps: ## install the Debian packages that building needs
	@tests/lib/deps.sh install build
deps-test:
	@tests/lib/deps.sh install build test
deps-lint:
	@tests/lib/deps.sh install build test lint

# --- tests -------------------------------------------------------------------
# A test links the libraries of its NEEDS line, /* NEEDS: base repository */,
# and what it uses of the files beside it that are no tests (drivers/suite.c).
UNIT_TESTS   := $(wildcard tests/unit/test_*.c)
DRIVER_TESTS := $(wildcard tests/drivers/test_*.c)
FUZZ_TARGETS := $(wildcard tests/fuzz/fuzz_*.c)
SERVICES     := $(wildcard tests/services/*.c tests/tools/*.c)
SCENARIOS    := $(wildcard tests/scenario/[0-9]*.sh)
TEST_FOLDERS  = unit drivers fuzz
support_of = $(if $(wildcard $(filter-out $(dir $(1))test_% $(dir $(1))fuzz_%,$(wildcard $(dir $(1))*.c))),$(O)/lib-tests-$(notdir $(patsubst %/,%,$(dir $(1)))).a)
comma := ,
NEEDS := $(shell awk '/^\/\* NEEDS: .*\*\/$$/ { s = FILENAME; \
	for (i = 3; i < NF; i++) s = s "," $$i; print s; nextfile }' \
	$(UNIT_TESTS) $(DRIVER_TESTS) $(FUZZ_TARGETS) $(SERVICES) /dev/null)
needs_of = $(foreach w,$(filter $(1)$(comma)%,$(NEEDS)),$(subst $(comma), ,$(w:$(1),%=%)))

define support_rule
$(O)/lib-tests-$(1).a: $(patsubst %.c,$(O)/%.o,$(filter-out tests/$(1)/test_% tests/$(1)/fuzz_%,$(wildcard tests/$(1)/*.c)))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach f,$(TEST_FOLDERS),$(eval $(call support_rule,$(f))))

define test_rule
$(O)/$(1:.c=): $(O)/$(1:.c=.o) $(call support_of,$(1)) $(call libs_of,$(call needs_of,$(1)))
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS) -lcmocka
endef
$(foreach t,$(UNIT_TESTS) $(DRIVER_TESTS),$(eval $(call test_rule,$(t))))

# A fuzz target in an ordinary build is a program that replays its corpus.
define fuzz_rule
$(O)/$(1:.c=): $(O)/$(1:.c=.o) $(if $(filter fuzz,$(VARIANT)),,$(call support_of,$(1))) $(call libs_of,$(call needs_of,$(1)))
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS)
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(t))))

# What stands between the program and a server when a test wants it, or looks at
# what the program left: no test itself, and always the release build, whatever
# is tested.
define service_rule
$(O)/$(1:.c=): $(O)/$(1:.c=.o) $(call libs_of,$(call needs_of,$(1)))
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rule,$(s))))

TEST_BINS = $(patsubst %.c,$(O)/%,$(UNIT_TESTS) $(DRIVER_TESTS))
FUZZ_BINS = $(patsubst %.c,$(O)/%,$(FUZZ_TARGETS))
SERVICE_BINS = $(patsubst %.c,$(O)/%,$(SERVICES))
.PHONY: tests fuzz-targets services
tests: $(TEST_BINS) $(FUZZ_BINS) $(SERVICE_BINS)
fuzz-targets: $(FUZZ_BINS)
services: $(SERVICE_BINS)

# make syntax F=base/err.c          compiles one file with both compilers
# make t TEST=tests/unit/test_err.c builds and runs one test (VARIANT=asan)
.PHONY: syntax t
SYNTAX_GCC   = gcc $(CPPFLAGS_ALL) -O1 $(WARN_ALL) $(WARN_GCC) -Werror -fsyntax-only
SYNTAX_CLANG = $(CLANG) $(CPPFLAGS_ALL) $(WARN_ALL) $(WARN_CLANG) -Werror -fsyntax-only
syntax:
	$(SYNTAX_GCC) $(F)
	$(SYNTAX_CLANG) $(F)
t:
	@$(MAKE) --no-print-directory $(O)/$(TEST:.c=)
	$(O)/$(TEST:.c=)

SUBMAKE = $(MAKE) --no-print-directory -j$(JOBS)
.PHONY: demo check asan asan-rest tsan soak bench valgrind fuzz cover
demo: deps-test ## the story in two minutes: back up, lose, restore, heal
	@echo "Building Triplicate"
	@$(SUBMAKE) --silent all VARIANT=release
	@tests/demo.sh
check: deps-test ## all tests; the last line counts passed and failed
	@echo "Building Triplicate, and its tests with the sanitizers"
	@$(SUBMAKE) --silent all services VARIANT=release
	@$(SUBMAKE) --silent all tests VARIANT=asan
	@tests/run-check.sh check
asan: deps-test ## all tests, the scenarios too, under ASan and UBSan
	@$(SUBMAKE) --silent services VARIANT=release
	@$(SUBMAKE) --silent all tests VARIANT=asan
	@tests/run-check.sh asan $(SCENARIO)
# What asan runs and check does not.
asan-rest: deps-test
	@$(SUBMAKE) --silent services VARIANT=release
	@$(SUBMAKE) --silent all VARIANT=asan
	@tests/run-check.sh rest
tsan: deps-test ## unit and driver tests under TSan
	@$(SUBMAKE) --silent tests VARIANT=tsan
	@tests/run-check.sh tsan
soak: deps-test ## long campaigns (tests/soak); SOAK=short for a short form
	@$(SUBMAKE) --silent all services VARIANT=release
	@$(SUBMAKE) --silent all VARIANT=asan
	@SOAK=$(SOAK) tests/run-check.sh soak $(CAMPAIGN)
bench: deps-test ## long lines as ratios, a large prune (tests/bench); SIZE scales
	@$(SUBMAKE) --silent all services VARIANT=release
	@status=0; for file in tests/bench/[a-z]*.sh; do \
		$$file || status=1; done; exit $$status
valgrind: deps-test ## backup, restore, verify and the rest under Valgrind
	@$(SUBMAKE) --silent all VARIANT=release
	@SOAK=$(SOAK) tests/run-check.sh soak tests/soak/35-valgrind.sh
fuzz: deps-lint ## each fuzz target for FUZZ_SECONDS (60)
	@$(SUBMAKE) --silent fuzz-targets VARIANT=fuzz
	@tests/run-fuzz.sh $(FUZZ_SECONDS)
cover: deps-test ## line coverage of unit, driver and scenario tests
	@$(SUBMAKE) --silent services VARIANT=release
	@$(SUBMAKE) --silent all tests VARIANT=cover
	@tests/run-cover.sh

# --- lint --------------------------------------------------------------------
# Stamps under build/lint keep what has not changed from being checked again.
OUR_C := $(wildcard $(addsuffix /*.c,$(FLOORS) $(addprefix tests/,$(TEST_FOLDERS) services tools)))
OUR_H := $(wildcard $(addsuffix /*.h,$(FLOORS) $(addprefix tests/,$(TEST_FOLDERS))))
OUR_SH := .ci/run $(wildcard tests/*.sh tests/*/*.sh)
.PHONY: lint lint-run lint-format lint-floors lint-cppcheck lint-shell floors format
lint: deps-lint ## warnings as errors, format, floors, clang-tidy, cppcheck
	@$(SUBMAKE) --silent --keep-going lint-run
	@echo "lint: clean"
lint-run: lint-format lint-floors lint-shell lint-cppcheck \
	$(patsubst %,build/lint/%.syntax,$(OUR_C) $(OUR_H)) \
	$(patsubst %,build/lint/%.tidy,$(OUR_C))

build/lint/%.syntax: % | build/packages-found
	@mkdir -p $(@D)
	@$(SYNTAX_GCC) -MMD -MP -MF $@.d -MT $@ $<
	@$(SYNTAX_CLANG) $<
	@touch $@
# A header is compiled alone, as the only line of a file.
build/lint/%.h.syntax: %.h | build/packages-found
	@mkdir -p $(@D)
	@printf '#include "%s"\ntypedef int alone;\n' $< >build/lint/$<.c
	@$(SYNTAX_GCC) -MMD -MP -MF $@.d -MT $@ build/lint/$<.c
	@$(SYNTAX_CLANG) build/lint/$<.c
	@touch $@
build/lint/%.tidy: % build/lint/%.syntax .clang-tidy
	@echo "  tidy $<"
	@$(CLANG_TIDY) --quiet --warnings-as-errors='*' $(TIDY_TESTS) $< -- \
		$(CPPFLAGS_ALL) $(TIDY_KNOWS) 2>$@.err || \
		{ grep -v 'warnings generated' $@.err >&2; exit 1; }
	@touch $@
# Where the functions are defined that tidy.h says something about, it would be
# in the way.
TIDY_BARE = base/err.c base/conf_value.c
TIDY_KNOWS = $(if $(filter $(TIDY_BARE),$<),,-include tests/lint/tidy.h)
# Each assertion is a macro with branches: tests look more complex than they are.
build/lint/tests/%.tidy: TIDY_TESTS = --checks=-readability-function-cognitive-complexity
lint-format:
	@if $(CLANG_FORMAT) --version | grep -q 'version 14\.'; then \
		$(CLANG_FORMAT) --dry-run -Werror $(OUR_C) $(OUR_H); \
	else \
		echo "lint: the format is that of clang-format 14, which is not here: not checked"; \
	fi
floors: lint-floors ## who includes whom, and how long things are
lint-floors:
	@tests/lint/floors.sh
	@tests/lint/sizes.sh
lint-cppcheck: build/lint/cppcheck.ok
# cppcheck takes SCOPED for a leak, and a struct whose array a function fills for
# uninitialized; LeakSanitizer, clang's analyzer and gcc watch these.
CPPCHECK = cppcheck --quiet --std=c11 -I. --language=c -j$(JOBS) \
	--enable=warning,performance,portability --inline-suppr \
	--suppress=memleak --suppress=resourceLeak \
	--suppress=uninitvar --suppress=ctuuninitvar \
	--suppress=missingIncludeSystem --error-exitcode=1 \
	--cppcheck-build-dir=build/lint/cppcheck
build/lint/cppcheck.ok: $(OUR_C) $(OUR_H)
	@mkdir -p build/lint/cppcheck
	@echo "  cppcheck"
	@$(CPPCHECK) $(filter $(TIDY_BARE),$(OUR_C))
	@$(CPPCHECK) --include=tests/lint/tidy.h $(filter-out $(TIDY_BARE),$(OUR_C))
	@touch $@
lint-shell:
	@shellcheck -x -P tests/scenario -e SC2119,SC2120 $(wildcard $(OUR_SH))
format: ## format all sources in place
	@$(CLANG_FORMAT) -i $(OUR_C) $(OUR_H)

# --- the rest ----------------------------------------------------------------
.PHONY: install clean help
install: ## into DESTDIR/PREFIX: programs, man pages, sample configuration
	@$(MAKE) --no-print-directory all VARIANT=release
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin build/release/triplicate
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/*.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 docs/man/*.5
	install -D -m 644 conf/completions/triplicate.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/triplicate
	install -D -m 644 conf/triplicate.conf \
		$(DESTDIR)$(SYSCONFDIR)/triplicate/triplicate.conf.sample
clean: ## remove build/
	rm -rf build
help: ## this list
	@awk -F ' *## ' '/^[a-z]+:.*## / { split($$1, t, ":"); \
		printf "make %-8s %s\n", t[1], $$2 }' Makefile
	@echo "VARIANT=release|debug|asan|tsan|cover|fuzz, PREFIX, DESTDIR, JOBS, V=1"
