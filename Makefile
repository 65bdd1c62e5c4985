# SPDX-License-Identifier: GPL-2.0-or-later
# divvy: share the network among virtual machines. GNU make.
#
#   make            build everything into build/
#   make demo       set up, then show the main job on two real VMs
#   make figures    the paper's figures, peers, video: QUICK=1 in ten minutes, ONLY=fig06,peers for parts
#   make check      set up, then run every test
#   make bench      the benchmarks of doc/measurements.md
#   make fuzz       the parsers with random input, FUZZ_SECONDS=60 each
#   make install    PREFIX=/usr/local DESTDIR=

VERSION := 0.1
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system

CC := gcc
CLANG ?= clang
BPFTOOL ?= bpftool
B := build

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wno-format-truncation -Werror
# -Wno-sign-conversion: the kernel's headers and libmnl mix int and unsigned for lengths; -Wconversion
# still finds every loss of width. -Wno-format-truncation: lines for people are cut on purpose.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$@")
CPPFLAGS += -I. -I$(B) -D_GNU_SOURCE -DDIVVY_VERSION='"$(VERSION)"' -DDIVVY_SYSCONFDIR='"$(SYSCONFDIR)"'
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu17 $(WARN) -fstack-protector-strong -fPIE -MMD -MP
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

LIBS_spec := -lyaml -ljansson
LIBS_kernel := -lmnl -lbpf
LIBS_daemon := -lsystemd -lcap
LIBS_lab := $(LIBS_spec) -lm

all: $(B)/divvyd $(B)/divvy $(B)/divvy-lab $(B)/divvy-lab-agent $(B)/divvy-guard $(B)/rtpplay

# --- sources, by layer ---------------------------------------------------------------------------
SRC_core := $(wildcard core/*.c)
SRC_spec := $(wildcard spec/*.c)
SRC_kernel := $(wildcard kernel/*.c)
SRC_daemon := $(wildcard daemon/*.c)
SRC_cli := $(wildcard cli/*.c)
SRC_lab := $(wildcard lab/*.c)
obj = $(patsubst %.c,$(B)/%.o,$(1))
san = $(patsubst %.c,$(B)/san/%.o,$(1))

$(B)/libcore.a: $(call obj,$(SRC_core))
$(B)/libspec.a: $(call obj,$(SRC_spec))
$(B)/libkernel.a: $(call obj,$(SRC_kernel))
$(B)/san/libcore.a: $(call san,$(SRC_core))
$(B)/san/libspec.a: $(call san,$(SRC_spec))
$(B)/san/libkernel.a: $(call san,$(SRC_kernel))
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$(B)/divvyd: $(call obj,$(SRC_daemon)) $(B)/libkernel.a $(B)/libspec.a $(B)/libcore.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_kernel) $(LIBS_spec) $(LIBS_daemon)
$(B)/divvy: $(call obj,$(SRC_cli)) $(B)/libspec.a $(B)/libcore.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_spec)
# static: it must run when all else fails
$(B)/divvy-guard: $(call obj,guard/main.c) $(B)/libkernel.a
	$(call say,LD)
	$(Q)$(CC) $(filter-out -pie,$(LDFLAGS)) -static-pie -o $@ $^
$(B)/divvy-lab: $(call obj,$(SRC_lab)) $(B)/libkernel.a $(B)/libspec.a $(B)/libcore.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_kernel) $(LIBS_lab)
# in containers; for VMs lab/image.sh compiles it into their image
$(B)/divvy-lab-agent: $(call obj,lab/guest/agent.c)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

# static: the lab's guests fetch it, and have no such C library
$(B)/rtpplay: lab/guest/rtpplay.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 -O2 $(WARN) -static -o $@ $<

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -O2,$(CFLAGS)) -O1 $(SAN) -c -o $@ $<

# --- BPF: object, then skeleton <name>.skel.h ----------------------------------------------------
# not := : "make deps install" installs the compiler on the way
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -Wall -Werror -I. -I/usr/include/$(shell $(CC) -print-multiarch)
$(B)/%.bpf.o: %.bpf.c $(wildcard kernel/bpf/*.h lab/bpf/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(B)/%.skel.h: $(B)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf > $@.tmp && mv $@.tmp $@
$(call obj,kernel/classifier.c) $(call san,kernel/classifier.c): $(B)/kernel/bpf/classify.skel.h
$(call obj,lab/meter.c) $(call san,lab/meter.c): $(B)/lab/bpf/meter.skel.h
$(call obj,lab/handover.c) $(call san,lab/handover.c): $(B)/lab/bpf/handover.skel.h

# --- tests: every tests/unit/x_test.c is a program that prints TAP ---------------------------------
UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*_test.c))
# core's tests link against core alone, spec's without kernel: an include that points outward does not link.
$(B)/tests/unit/core_%: $(B)/san/tests/unit/core_%.o $(B)/san/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $(SAN) -o $@ $^ -lcmocka -lm
$(B)/tests/unit/spec_%: $(B)/san/tests/unit/spec_%.o $(B)/san/libspec.a $(B)/san/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(SAN) -o $@ $^ $(LIBS_spec) -lcmocka -lm
$(B)/tests/unit/%: $(B)/san/tests/unit/%.o $(B)/san/libkernel.a $(B)/san/libspec.a $(B)/san/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $(SAN) -o $@ $^ $(LIBS_kernel) $(LIBS_spec) -lcmocka -lm
$(filter $(B)/tests/unit/guard_%,$(UNIT)): $(B)/san/daemon/guard.o | $(B)/divvy-guard
# the lab's tests take from an archive what they need of it.
$(B)/san/liblab.a: $(call san,$(filter-out lab/main.c,$(SRC_lab)))
$(B)/tests/unit/lab_%: $(B)/san/tests/unit/lab_%.o $(B)/san/liblab.a $(B)/san/libkernel.a $(B)/san/libspec.a \
		$(B)/san/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $(SAN) -o $@ $^ $(LIBS_kernel) $(LIBS_lab) -lcmocka
# A VM is its process there.
$(B)/tests/unit/lab_peer_run_test $(B)/plain/tests/unit/lab_peer_run_test: LDFLAGS += -Wl,--wrap=vm_pid,--wrap=vm_alive
unit: $(UNIT)

# --- fuzzing: every tests/fuzz/x_fuzz.c; FUZZ_SECONDS each, corpora kept in build/ ----------------
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_SECONDS ?= 60
$(FUZZ): $(B)/tests/fuzz/%: tests/fuzz/%.c $(SRC_spec) $(SRC_core) $(wildcard spec/*.h core/*.h)
	@mkdir -p $(@D) $(B)/corpus/$*
	$(CLANG) $(CPPFLAGS) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o $@ $(filter %.c,$^) $(LIBS_spec) -lm
fuzz: deps
	@$(MAKE) --no-print-directory -j2 $(FUZZ)
	for f in $(notdir $(FUZZ)); do $(B)/tests/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=60 \
		-print_final_stats=1 $(B)/corpus/$$f $(wildcard tests/fuzz/corpus)/$$f || exit 1; done
$(B)/liblab.a: $(call obj,$(filter-out lab/main.c,$(SRC_lab)))
$(B)/tests/system/lab_ground: $(B)/liblab.a $(B)/libkernel.a $(B)/libspec.a $(B)/libcore.a
# Unit tests without sanitizers, for test hosts (tests/hosts/run.sh): make build/plain/tests/unit/kernel_gate_test
$(B)/plain/tests/unit/%: $(B)/tests/unit/%.o $(B)/libkernel.a $(B)/libspec.a $(B)/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_kernel) $(LIBS_spec) -lcmocka -lm
$(B)/liblab.a: $(call obj,$(filter-out lab/main.c,$(SRC_lab)))
$(B)/plain/tests/unit/lab_%: $(B)/tests/unit/lab_%.o $(B)/liblab.a $(B)/libkernel.a $(B)/libspec.a $(B)/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_kernel) $(LIBS_lab) -lcmocka
# Helpers of the system tests, without sanitizers: they flood.
$(B)/tests/system/%: $(B)/tests/system/%.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_kernel) $(LIBS_lab)

# --- the user's commands -------------------------------------------------------------------------
deps:
	@tools/deps.sh $(MAKECMDGOALS)

# Under a minute of traffic on two real VMs; results in lab/out/demo.
demo: deps
	@$(MAKE) --no-print-directory -j2 all
	@$(B)/divvy-lab run demo --out lab/out/demo

# The whole evaluation: QUICK=1 in ten minutes, ONLY=fig06,peers parts of it; it goes on where it was interrupted.
OUT ?= lab/out
figures: deps
	@$(MAKE) --no-print-directory -j2 all
	@$(B)/divvy-lab figures $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) --out $(OUT)

TEST_HELPERS := $(patsubst %.c,$(B)/%,$(wildcard tests/system/*.c))
TESTS_SH := $(filter-out %lib.sh,$(wildcard tests/unit/*.sh tests/system/*.sh))
tests: $(UNIT) $(TEST_HELPERS)

# Unit tests two at a time; then, alone and one by one, what boots VMs, fills a wire, or encodes video. (In one call, prove
# would run both lists side by side.)
ALONE := $(patsubst %,$(B)/tests/unit/%_test,kernel_datapath kernel_gate kernel_gate_faults guard guard_death lab_peer_run lab_video)
check: deps
	@$(MAKE) --no-print-directory -j2 all tests
	@prove --timer -j2 $(filter-out $(ALONE),$(UNIT)); a=$$?; prove --timer $(ALONE) $(TESTS_SH); b=$$?; exit $$((a | b))

# The scheduler's policies in virtual time; doc/simulation.md says what is run.
$(B)/divvy-sim: $(B)/tests/sim/main.o $(B)/tests/sim/sim.o $(B)/libcore.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm
$(B)/tests/unit/sim_%: $(B)/san/tests/unit/sim_%.o $(B)/san/tests/sim/sim.o $(B)/san/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $(SAN) -o $@ $^ -lcmocka -lm

BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/libkernel.a $(B)/libspec.a $(B)/libcore.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_kernel) $(LIBS_spec) -lm
bench: deps
	@$(MAKE) --no-print-directory -j2 all $(BENCHES)
	@for b in $(BENCHES) $(wildcard tests/bench/*.sh); do echo "== $$b"; $$b || exit 1; done

INSTALL ?= install
MAN := $(wildcard doc/*.[0-9])
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/divvy
	$(INSTALL) -m 755 $(B)/divvyd $(B)/divvy-guard $(DESTDIR)$(PREFIX)/sbin/
	$(INSTALL) -m 755 $(B)/divvy $(DESTDIR)$(PREFIX)/bin/divvy
	for u in divvyd divvy-guard; do \
		sed 's,@SBINDIR@,$(PREFIX)/sbin,' systemd/$$u.service.in >$(DESTDIR)$(UNITDIR)/$$u.service; done
	[ -e $(DESTDIR)$(SYSCONFDIR)/divvy/divvy.yaml ] || \
		$(INSTALL) -m 644 systemd/divvy.yaml $(DESTDIR)$(SYSCONFDIR)/divvy/divvy.yaml
	for m in $(MAN); do $(INSTALL) -D -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

# The specification in SYSCONFDIR and the state stay: they are the operator's.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/divvyd $(DESTDIR)$(PREFIX)/sbin/divvy-guard $(DESTDIR)$(PREFIX)/bin/divvy \
		$(DESTDIR)$(UNITDIR)/divvyd.service $(DESTDIR)$(UNITDIR)/divvy-guard.service
	for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	rm -rf $(B) lab/out

.PHONY: all unit tests fuzz deps demo figures check bench install uninstall clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
