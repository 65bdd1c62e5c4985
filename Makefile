# SPDX-License-Identifier: GPL-2.0-or-later
# divvy: share the network among virtual machines. GNU make.
#
#   make            build what is installed into build/
#   make exporter   divvy-exporter: metrics for Prometheus, a live page; make install-exporter
#   make lab        the lab's programs, which run the scenarios
#   make demo       set up, then show the main job on two real VMs
#   make figures    the paper's figures, peers, video: QUICK=1 in ten minutes, ONLY=fig06,peers for parts
#   make check      set up, then run every test
#   make check-kernels  what takes longer, on Debian's kernels: an hour; PARTS="order burst" some of it (tests/hosts/long.sh)
#   make check-rx   what VMs receive, and macvtaps, on this machine: three minutes
#   make check-rows each fix of what broke on other people's hosts taken out: its test fails; ten minutes (tests/rows/run.sh)
#   make check-views    metrics and page, by Debian's Prometheus and Chromium: a minute (tests/views/check.sh)
#   make picture    the README's moving picture, doc/top.svg (tests/views/picture.sh)
#   make check-libvirt  a real libvirtd beside divvyd: two to ten minutes (tests/libvirt/check.sh)
#   make lint       clang-tidy, shellcheck, mandoc; `make deps lint` installs them first
#   make bench      the benchmarks of doc/measurements.md
#   make fuzz       the parsers with random input, FUZZ_SECONDS=60 each
#   make install    PREFIX=/usr/local DESTDIR=
#   make deb        packages for Debian, in build/deb
#   make check-deb  those packages in clean Debian 12 and 13 trees: four minutes (tests/deb/check.sh)
#   make check-host a whole Debian 13 and 12 as a host under QEMU: 20 minutes (tests/hosts/whole.sh)
#   make check-unit all faults under the installed units, on a whole Debian 13: 20 minutes

VERSION := 0.1
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
# What the unit gives divvyd besides: groups that may use its socket, as the package has them.
DIVVYD_OPTIONS ?=

CC := gcc
CLANG ?= clang
BPFTOOL ?= bpftool
B := build

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wno-format-truncation
# -Wno-sign-conversion: the kernel's headers and libmnl mix int and unsigned for lengths; -Wconversion
# still finds every loss of width. -Wno-format-truncation: lines for people are cut on purpose.
# A newer compiler warns of more: only `make check` and CI (WERROR=1) fail for a warning.
WARN += $(if $(WERROR),-Werror)
Q := $(if $(V),,@)
comma := ,
say = $(if $(V),,@echo "  $(1)	$@")
CPPFLAGS += -I. -I$(B) -D_GNU_SOURCE -DDIVVY_VERSION='"$(VERSION)"' -DDIVVY_SYSCONFDIR='"$(SYSCONFDIR)"'
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu17 $(WARN) -fstack-protector-strong -fPIE -MMD -MP
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# --- libraries: one for each room, and what each needs from Debian's packages ----------------------
# $(call lib,NAMES): linker flags by pkg-config, asked when they are first needed, for `make deps install`
# installs pkg-config on the way.
PKG_CONFIG ?= pkg-config
lib = $(foreach l,$(1),$(or $(LIB_$(l)),$(eval LIB_$(l) := $(shell $(PKG_CONFIG) --libs $(l)))$(LIB_$(l))))

# A room includes what stands before it here (tests/unit/layers_test.sh has the exact list).
ROOMS := base core spec proto kernel plan datapath slots
sources = $(filter-out %.bpf.c,$(wildcard $(1)/*.c $(1)/*/*.c))
obj = $(patsubst %.c,$(B)/%.o,$(1))
san = $(patsubst %.c,$(B)/san/%.o,$(1))
tidy = $(patsubst %,$(B)/lint/%.ok,$(1))
# All that is made from a source.
uses = $(call obj,$(1)) $(call san,$(1)) $(call tidy,$(1))
# $(call rooms,NAMES): their archives; $(call san_rooms,NAMES): those with sanitizers.
rooms = $(patsubst %,$(B)/lib%.a,$(1))
san_rooms = $(patsubst %,$(B)/san/lib%.a,$(1))

# What a program links with, the inner rooms last.
IN_base := base
IN_core := core base
IN_spec := spec $(IN_core)
IN_proto := proto $(IN_spec)
IN_cli := cli $(IN_proto)
IN_exporter := exporter $(IN_proto)
IN_kernel := kernel $(IN_spec)
IN_plan := plan $(IN_core)
IN_daemon := daemon slots datapath plan kernel proto spec core base
IN_lab := lab kernel proto spec core base
NEED_spec = $(call lib,yaml-0.1 jansson)
NEED_proto = $(call lib,jansson)
NEED_cli = $(NEED_spec) $(call lib,smartcols ncursesw) -lm
NEED_exporter = $(NEED_spec) $(call lib,libmicrohttpd libsystemd)
NEED_kernel = $(call lib,libmnl libbpf libcap jansson libxml-2.0)
NEED_daemon = $(NEED_kernel) $(NEED_spec) $(call lib,libsystemd)
NEED_lab = $(NEED_kernel) $(NEED_spec) -lm
NEED_test = $(call lib,cmocka) -lm

# What is installed, and nothing else: a host that divvy divides needs no lab.
all: $(B)/divvyd $(B)/divvy $(B)/divvy-guard
exporter: $(B)/divvy-exporter
lab: $(B)/divvy-lab $(B)/divvy-lab-agent $(B)/rtpplay

# What has main() or runs in a guest is in no archive.
define archive
$(B)/lib$(1).a: $(call obj,$(2))
$(B)/san/lib$(1).a: $(call san,$(2))
endef
$(foreach r,$(ROOMS) cli exporter daemon lab,\
	$(eval $(call archive,$(r),$(filter-out %/main.c cli/divvy.c lab/guest/%,$(call sources,$(r))))))
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

# The one way to link: objects and archives among the prerequisites; NEED and LINK are the target's own, WRAP_ is by its
# name.
define link
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) $(LINK) $(patsubst %,-Wl$(comma)--wrap=%,$(WRAP_$(@F))) -o $@ $(filter %.o %.a,$^) $(NEED)
endef
$(B)/divvyd: NEED = $(NEED_daemon)
$(B)/divvyd: $(call obj,daemon/main.c) $(call rooms,$(IN_daemon))
	$(link)
$(B)/divvy: NEED = $(NEED_cli)
$(B)/divvy: $(call obj,cli/divvy.c) $(call rooms,$(IN_cli))
	$(link)
$(B)/divvy-exporter: NEED = $(NEED_exporter)
$(B)/divvy-exporter: $(call obj,exporter/main.c) $(call rooms,$(IN_exporter))
	$(link)
# static: it must run when all else fails
$(B)/divvy-guard: LDFLAGS := $(filter-out -pie,$(LDFLAGS)) -static-pie
$(B)/divvy-guard: $(call obj,guard/main.c) $(call rooms,kernel base)
	$(link)
$(B)/divvy-lab: NEED = $(NEED_lab)
$(B)/divvy-lab: $(call obj,lab/main.c) $(call rooms,$(IN_lab))
	$(link)
# in containers; for VMs lab/vm/image.sh compiles it into their image
$(B)/divvy-lab-agent: $(call obj,lab/guest/agent.c)
	$(link)
# static: the lab's guests fetch it, and have no such C library
$(B)/rtpplay: LDFLAGS := $(filter-out -pie,$(LDFLAGS)) -static-pie
$(B)/rtpplay: $(call obj,lab/guest/rtpplay.c)
	$(link)

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
$(B)/%.bpf.o: %.bpf.c $(wildcard kernel/bpf/*.h lab/bpf/*.h tests/system/bpf/*.h)
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf > $@.tmp && mv $@.tmp $@
$(call uses,kernel/bpf/classifier.c): $(B)/kernel/bpf/classify.skel.h
$(call uses,kernel/bpf/burst.c): $(B)/kernel/bpf/burst.skel.h
$(call uses,lab/probes/meter.c): $(B)/lab/bpf/meter.skel.h
$(call uses,lab/net/handover.c): $(B)/lab/bpf/handover.skel.h

# The live page is in the program.
$(call uses,exporter/page.c): exporter/page.html exporter/page.css exporter/page.js

# libsmartcols' header has a folder of its own.
SMARTCOLS_FLAGS = $(or $(SMARTCOLS_FLAGS_),$(eval SMARTCOLS_FLAGS_ := $(shell $(PKG_CONFIG) --cflags smartcols))$(SMARTCOLS_FLAGS_))
$(call uses,cli/table.c): private CPPFLAGS += $(SMARTCOLS_FLAGS)

# The one user of libxml2, whose headers have a folder of their own.
XML_FLAGS = $(or $(XML_FLAGS_),$(eval XML_FLAGS_ := $(shell $(PKG_CONFIG) --cflags libxml-2.0))$(XML_FLAGS_))
$(call uses,kernel/vmm/record_libvirt.c): private CPPFLAGS += $(XML_FLAGS)

# --- tests: every tests/unit/x_test.c is a program that prints TAP ---------------------------------
# A room's tests are called by its name, and link with what the room may know and nothing else: an include
# that points outward does not link.
UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*_test.c))
TESTED := base core spec proto cli exporter plan kernel datapath slots daemon lab
IN_datapath := datapath plan $(IN_kernel)
IN_slots := slots datapath plan $(IN_kernel)
NEED_core := -lm
NEED_plan := -lm
NEED_datapath = $(NEED_daemon)
NEED_slots = $(NEED_daemon)
# private: not for what such a test has built.
room_tests = $(filter $(B)/tests/unit/$(1)_%,$(UNIT))
plain = $(patsubst $(B)/%,$(B)/plain/%,$(1))
define room_test
$(call room_tests,$(1)) $(call plain,$(call room_tests,$(1))): private NEED = $$(NEED_$(1)) $$(NEED_test)
$(call room_tests,$(1)): $(call san_rooms,$(IN_$(1)))
$(call plain,$(call room_tests,$(1))): $(call rooms,$(IN_$(1)))
endef
$(foreach r,$(TESTED),$(eval $(call room_test,$(r))))
$(UNIT): private LINK = $(SAN)
$(UNIT): $(B)/tests/unit/%: $(B)/san/tests/unit/%.o
	$(link)
# Unit tests without sanitizers, for test hosts (tests/hosts/run.sh): make build/plain/tests/unit/kernel_gate_test
$(call plain,$(UNIT)): $(B)/plain/tests/unit/%: $(B)/tests/unit/%.o
	$(link)
$(filter $(B)/tests/unit/slots_guard%,$(UNIT)): | $(B)/divvy-guard
# Functions that a test takes the place of: ld's --wrap.
WRAP_lab_peer_run_test := vm_pid vm_alive
WRAP_plan_faults_test := calloc reallocarray strdup
WRAP_datapath_diff_test := calloc reallocarray strdup
WRAP_datapath_sample_test := htb_list qdisc_root
WRAP_datapath_others_test := filter_list_all
WRAP_datapath_drain_test := htb_list qdisc_root htb_class_del link_del rtnl_commit rtnl_discard clock_now_ns
WRAP_datapath_burstwatch_test := burst_dropped
WRAP_daemon_differs_test := file_read_alloc
WRAP_datapath_inventory_test := vmm_scan vmm_scan_pid records_apply
WRAP_daemon_drafted_test := route_out port_speed
WRAP_datapath_portspeed_test := port_speed
WRAP_exporter_web_test := feed_read
$(B)/tests/unit/sim_test: NEED = $(NEED_test)
$(B)/tests/unit/sim_test: $(B)/san/tests/sim/sim.o $(call san_rooms,$(IN_core))
unit: $(UNIT)

# Helpers of the system tests, without sanitizers: they flood.
TEST_HELPERS := $(patsubst %.c,$(B)/%,$(wildcard tests/system/*.c))
$(B)/tests/system/lab_ground: NEED = $(NEED_lab)
$(B)/tests/system/lab_ground: $(call rooms,$(IN_lab))
$(B)/tests/system/fields $(B)/tests/system/early: NEED = $(NEED_kernel)
$(call uses,tests/system/fields.c): $(B)/tests/system/bpf/fields.skel.h
$(call uses,tests/system/early.c): $(B)/tests/system/bpf/early.skel.h
$(call uses,tests/system/arrivals.c): $(B)/tests/system/bpf/arrivals.skel.h
$(B)/tests/system/arrivals: NEED = $(NEED_kernel)
$(call uses,tests/system/senders.c): $(B)/tests/system/bpf/wire.skel.h
$(B)/tests/system/senders: NEED = $(NEED_kernel) -lm
# A VM that floods.
$(B)/tests/system/tapflood $(B)/tests/system/senders: $(call obj,$(call sources,tests/system/vm))
$(TEST_HELPERS): $(B)/%: $(B)/%.o
	$(link)

# --- fuzzing: every tests/fuzz/x_fuzz.c; FUZZ_SECONDS each, corpora kept in build/ ----------------
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_SECONDS ?= 60
FUZZED := $(foreach r,base core spec proto,$(call sources,$(r)))
$(B)/tests/fuzz/record_fuzz: $(addprefix kernel/vmm/,record.c record_libvirt.c record_proxmox.c record_source.c records_set.c \
	vmm_nic.c vmm_options.c)
$(B)/tests/fuzz/record_fuzz: private CPPFLAGS += $(XML_FLAGS)
$(B)/tests/fuzz/record_fuzz: private NEED_spec += $(call lib,libxml-2.0)
$(FUZZ): $(B)/tests/fuzz/%: tests/fuzz/%.c $(FUZZED) $(wildcard base/*.h core/*.h spec/*.h proto/*.h)
	@mkdir -p $(@D) $(B)/corpus/$*
	$(CLANG) $(CPPFLAGS) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o $@ $(filter %.c,$^) $(NEED_spec) -lm
fuzz: deps
	@$(MAKE) --no-print-directory -j2 $(FUZZ)
	for f in $(notdir $(FUZZ)); do d=tests/fuzz/$$f.dict; [ -f $$d ] && d=-dict=$$d || d=; \
		$(B)/tests/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=60 $$d \
		-print_final_stats=1 $(B)/corpus/$$f $(wildcard tests/fuzz/corpus)/$$f || exit 1; done

# --- lint: .clang-tidy and .shellcheckrc say what is off, and why ------------------------------------
# Each C file has a stamp, so that the next run looks only at files that changed, themselves or in a header.
CLANG_TIDY ?= clang-tidy
TIDY_C := $(call tidy,$(foreach r,$(ROOMS) daemon guard cli exporter lab tests tests/system/vm,$(call sources,$(r))))
TIDY_BPF := $(call tidy,$(wildcard */bpf/*.bpf.c */*/bpf/*.bpf.c))
$(TIDY_C): TIDY_FLAGS = $(CPPFLAGS) -std=gnu17 $(WARN) -Wno-unknown-warning-option
$(TIDY_BPF): TIDY_FLAGS = $(BPF_CFLAGS)
$(TIDY_C) $(TIDY_BPF): $(B)/lint/%.ok: % .clang-tidy tests/.clang-tidy
	@mkdir -p $(@D)
	$(call say,TIDY)
	$(Q)$(CLANG) $(TIDY_FLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	$(Q)$(CLANG_TIDY) --quiet $< -- $(TIDY_FLAGS) >$(@:.ok=.log) 2>&1 || { cat $(@:.ok=.log); exit 1; }
	@touch $@
# A script is one by its name or by its first line.
SCRIPTS := $(shell find . \( -path ./$(B) -o -path ./.git -o -path ./lab/out \) -prune -o -type f \( -name '*.sh' -o -name '*.bash' -o \
	-name '*.prerm' -o -name '*.postrm' -o \
	! -name '*.*' -exec grep -qE '^\#!.*[/ ](ba)?sh' {} \; \) -print)
$(B)/lint/shell.ok: .shellcheckrc $(SCRIPTS)
	@mkdir -p $(@D)
	$(call say,SHELL)
	$(Q)printf '%s\n' $(SCRIPTS) | xargs -P2 -n4 shellcheck
	@touch $@
$(B)/lint/man.ok: $(wildcard doc/*.[0-9])
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)mandoc -Tlint -Wwarning $^
	@touch $@
lint-files: $(TIDY_C) $(TIDY_BPF) $(B)/lint/shell.ok $(B)/lint/man.ok
	@:
lint:
	@$(MAKE) --no-print-directory -j2 -k lint-files

# --- the user's commands -------------------------------------------------------------------------
# Building needs few packages; goals that run virtual machines need more. tools/deps.sh installs what a goal needs.
deps:
	@tools/deps.sh $(MAKECMDGOALS)

# Under a minute of traffic on two real VMs; results in lab/out/demo. Fails if divvy is at fault.
demo: deps
	@$(MAKE) --no-print-directory -j2 all lab
	@$(B)/divvy-lab run demo --out lab/out/demo
	@$(B)/divvy-lab verdict lab/out/demo

# The whole evaluation: QUICK=1 in ten minutes, ONLY=fig06,peers parts of it; it goes on where it was interrupted.
OUT ?= lab/out
figures: deps
	@$(MAKE) --no-print-directory -j2 all lab
	@$(B)/divvy-lab figures $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) --out $(OUT)

# With what they start.
tests: all exporter lab $(UNIT) $(TEST_HELPERS)

check: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all tests
	@tests/check.sh

# KERNELS="bookworm" for one of them, PARTS="order burst" for parts: long.sh names them.
KERNELS ?= bookworm trixie sid
check-kernels: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all tests
	@tests/hosts/long.sh $(KERNELS)

# More rounds: ROUNDS=30.
check-rx: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all tests
	@tests/hosts/several.sh "tests/system/rx.sh all" tests/system/rx_order.sh tests/system/macvtap.sh

check-views: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all exporter $(TEST_HELPERS)
	@tests/views/check.sh

# The README's moving picture, a quarter of a minute of `divvy top` in tmux, and those of doc/fairness.md.
picture: deps
	@$(MAKE) --no-print-directory -j2 all $(TEST_HELPERS)
	@tests/views/picture.sh
	@tests/views/fairness.sh

# SUITES="bookworm trixie" for domains with bandwidth on other kernels than trixie's.
check-libvirt: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all tests
	@tests/libvirt/check.sh $(SUITES)

# 200 changes of a random tree under flood, in most of which divvyd is killed: two minutes. SEED=2 for others.
check-killed: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all tests
	@tests/system/killed.sh 200

# Each fix that tests/rows/ names is taken out in a copy, and the test that shows it has to fail. ROWS="a1 b7" for some.
check-rows: deps
	@$(MAKE) --no-print-directory -j2 WERROR=1 all tests
	@tests/rows/run.sh $(ROWS)

# The scheduler's policies in virtual time; doc/simulation.md says what is run.
$(B)/divvy-sim: NEED = -lm
$(B)/divvy-sim: $(call obj,tests/sim/main.c tests/sim/sim.c) $(call rooms,$(IN_core))
	$(link)

BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(BENCHES): NEED = $(NEED_kernel) $(NEED_spec) -lm
$(BENCHES): $(B)/%: $(B)/%.o $(call rooms,$(IN_kernel))
	$(link)
bench: deps
	@$(MAKE) --no-print-directory -j2 all exporter $(TEST_HELPERS) $(BENCHES)
	@for b in $(BENCHES) $(filter-out %lib.sh,$(wildcard tests/bench/*.sh)); do echo "== $$b"; $$b || exit 1; done

INSTALL ?= install
MAN := $(filter-out %/divvy-lab.8 %/divvy-exporter.8,$(wildcard doc/*.[0-9]))
# $(call unit,NAME): its file, as it is installed.
unit = sed 's,@SBINDIR@,$(PREFIX)/sbin,; s/ *@DIVVYD_OPTIONS@/$(addprefix \ ,$(DIVVYD_OPTIONS))/' systemd/$(1).in
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/divvy
	$(INSTALL) -m 755 $(B)/divvyd $(B)/divvy-guard $(DESTDIR)$(PREFIX)/sbin/
	$(INSTALL) -m 755 $(B)/divvy $(DESTDIR)$(PREFIX)/bin/divvy
	for u in divvyd.service divvy-guard.service; do $(call unit,$$u) >$(DESTDIR)$(UNITDIR)/$$u; done
	$(INSTALL) -D -m 644 contrib/divvy.bash $(DESTDIR)$(BASHDIR)/divvy
	$(INSTALL) -D -m 644 contrib/_divvy $(DESTDIR)$(ZSHDIR)/_divvy
	[ -e $(DESTDIR)$(SYSCONFDIR)/divvy/divvy.yaml ] || \
		$(INSTALL) -m 644 systemd/divvy.yaml $(DESTDIR)$(SYSCONFDIR)/divvy/divvy.yaml
	for m in $(MAN); do $(INSTALL) -D -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

install-exporter: exporter
	$(INSTALL) -D -m 755 $(B)/divvy-exporter $(DESTDIR)$(PREFIX)/sbin/divvy-exporter
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	$(call unit,divvy-exporter.service) >$(DESTDIR)$(UNITDIR)/divvy-exporter.service
	$(INSTALL) -D -m 644 doc/divvy-exporter.8 $(DESTDIR)$(PREFIX)/share/man/man8/divvy-exporter.8

# The lab as a tree of its own, with links to the programs that it starts. `make install` does not install it.
LABDIR ?= $(PREFIX)/lib/divvy-lab
install-lab: lab
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(LABDIR)/bin $(B)/divvy-lab $(B)/divvy-lab-agent $(B)/rtpplay
	find lab \( -path lab/out -o -name __pycache__ \) -prune -o -type f \( ! -name '*.[ch]' -o -path '*/guest/*' \) -print | \
		xargs cp --parents -t $(DESTDIR)$(LABDIR)
	$(INSTALL) -D -m 644 doc/divvy-lab.8 $(DESTDIR)$(PREFIX)/share/man/man8/divvy-lab.8

# The specification in SYSCONFDIR and the state stay: they are the operator's.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/divvy-exporter $(DESTDIR)$(UNITDIR)/divvy-exporter.service \
		$(DESTDIR)$(PREFIX)/share/man/man8/divvy-exporter.8
	rm -f $(DESTDIR)$(PREFIX)/sbin/divvyd $(DESTDIR)$(PREFIX)/sbin/divvy-guard $(DESTDIR)$(PREFIX)/bin/divvy \
		$(DESTDIR)$(UNITDIR)/divvyd.service $(DESTDIR)$(UNITDIR)/divvy-guard.service \
		$(DESTDIR)$(BASHDIR)/divvy $(DESTDIR)$(ZSHDIR)/_divvy
	for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

# Debian's packages, from a copy of the tree that has no build/ in it.
deb: deps
	@tools/deb.sh $(B)/deb
check-deb: deb
	@$(MAKE) --no-print-directory -j2 all $(TEST_HELPERS)
	@tests/deb/check.sh
check-host: deb
	@$(MAKE) --no-print-directory -j2 all $(TEST_HELPERS)
	@tests/hosts/whole.sh $(SUITES)
check-unit: deb
	@$(MAKE) --no-print-directory -j2 all $(TEST_HELPERS)
	@CASES="install suites" TESTS=all TIMEOUT=2400 tests/hosts/whole.sh trixie

clean:
	rm -rf $(B) lab/out

.PHONY: all exporter picture lab unit tests fuzz lint lint-files deps demo figures check check-kernels check-rx check-views \
	check-libvirt check-killed check-rows bench install install-exporter install-lab uninstall deb check-deb check-host check-unit clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
