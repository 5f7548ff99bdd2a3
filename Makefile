# Triplicate: one Makefile, not recursive. `make help` lists the targets.
# Objects and binaries are under build/VARIANT; `make` links the release
# binaries into build/ itself.
VARIANT ?= release
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
O        = build/$(VARIANT)

FLOORS   = base storage-drivers repository retention restore backupd cli
PACKAGES = libpq libzstd libsodium libcurl libarchive lmdb jansson libcrypto libqrencode

# --- flags -----------------------------------------------------------------
PG_INC  := $(shell pkg-config --cflags libpq 2>/dev/null || echo -I/usr/include/postgresql)
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 \
	-Wundef -Wvla -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings \
	-Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Wdouble-promotion
WARN_GCC = -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wtrampolines
WARN_CLANG = -Wcomma -Wconditional-uninitialized -Wunreachable-code-aggressive
HARDEN   = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fPIE -fno-strict-overflow \
	-fno-delete-null-pointer-checks -fno-common
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n1))
ifeq ($(IS_CLANG),)
WARN    += $(WARN_GCC)
HARDEN  += -ftrivial-auto-var-init=zero
else
WARN    += $(WARN_CLANG)
endif
ifeq ($(shell uname -m),x86_64)
HARDEN  += -fcf-protection=full
endif
CPPFLAGS_ALL = -std=c17 -D_GNU_SOURCE -I. $(patsubst -I%,-isystem %,$(PG_INC)) $(CPPFLAGS)
LDFLAGS_ALL  = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs $(LDFLAGS)
ifeq ($(VARIANT),release)
CFLAGS_ALL = -O2 -g $(WARN) $(HARDEN) $(CFLAGS)
else ifeq ($(VARIANT),debug)
CFLAGS_ALL = -O1 -g $(WARN) -Werror $(HARDEN) $(CFLAGS)
else ifeq ($(VARIANT),asan)
CFLAGS_ALL = -O1 -g $(WARN) -Werror -fPIE -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all $(CFLAGS)
LDFLAGS_ALL += -fsanitize=address,undefined
else ifeq ($(VARIANT),tsan)
CFLAGS_ALL = -O1 -g $(WARN) -Werror -fPIE -fno-omit-frame-pointer -fsanitize=thread $(CFLAGS)
LDFLAGS_ALL += -fsanitize=thread
else
$(error unknown VARIANT '$(VARIANT)': release, debug, asan or tsan)
endif
LIBS = -lpq -lzstd -lsodium -lcurl -larchive -llmdb -ljansson -lcrypto -lqrencode -lpthread

# --- what is built -----------------------------------------------------------
lib_of   = $(O)/lib-$(1).a
MAINS    = cli/main.c
src_of   = $(filter-out $(MAINS),$(wildcard $(1)/*.c))
LIBS_ALL = $(foreach f,$(FLOORS),$(if $(call src_of,$(f)),$(call lib_of,$(f))))
# Upper floors first, so that the linker finds what lower ones define.
LIBS_DOWN = $(foreach f,cli backupd restore retention repository storage-drivers base,$(if $(call src_of,$(f)),$(call lib_of,$(f))))

.PHONY: all
all: build/triplicate
build/triplicate: $(O)/triplicate
	@ln -sf $(VARIANT)/triplicate $@

$(O)/triplicate: $(O)/cli/main.o $(LIBS_ALL)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS_DOWN) $(LIBS)

define floor_rule
$(call lib_of,$(1)): $(patsubst %.c,$(O)/%.o,$(call src_of,$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor_rule,$(f))))

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(shell find build -name '*.d' 2>/dev/null)

# --- one file, one test ------------------------------------------------------
# make syntax F=base/err.c          compiles one file with both compilers
# make t TEST=tests/unit/test_err.c builds and runs one unit test (VARIANT=asan)
# A unit test links the libraries of its NEEDS line:  /* NEEDS: base repository */
.PHONY: syntax t
syntax:
	gcc $(CPPFLAGS_ALL) -O1 $(filter-out $(WARN_CLANG),$(WARN)) $(WARN_GCC) -Werror -fsyntax-only $(F)
	clang-14 $(CPPFLAGS_ALL) $(filter-out $(WARN_GCC),$(WARN)) $(WARN_CLANG) -Werror -fsyntax-only $(F)

UNIT_BIN = $(O)/$(TEST:.c=)
needs_of = $(shell sed -n 's:^/\* NEEDS\: \(.*\) \*/$$:\1:p' $(1))
t:
	@$(MAKE) --no-print-directory $(foreach f,$(call needs_of,$(TEST)),$(call lib_of,$(f))) $(O)/$(TEST:.c=.o)
	$(CC) $(LDFLAGS_ALL) -o $(UNIT_BIN) $(O)/$(TEST:.c=.o) $(foreach f,cli backupd restore retention repository storage-drivers base,$(if $(filter $(f),$(call needs_of,$(TEST))),$(call lib_of,$(f)))) $(LIBS) -lcmocka
	$(UNIT_BIN)

.PHONY: format clean
format:
	clang-format-14 -i $(shell git ls-files '*.c' '*.h')
clean:
	rm -rf build
