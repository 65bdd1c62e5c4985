/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Managers' records as they are, and as an enemy would write them. */
#include "kernel/vmm/record_libvirt.h"
#include "kernel/vmm/record_proxmox.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct record_nic *nic_of(const struct record *r, const char *tap)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->nics[i].tap, tap))
			return &r->nics[i];
	return NULL;
}

static void assert_nic(const struct record *r, const char *tap, const char *mac, const char *model)
{
	const struct record_nic *nic = nic_of(r, tap);

	assert_non_null(nic);
	assert_string_equal(nic->mac, mac);
	assert_string_equal(nic->model, model);
	assert_true(record_nic_is_sane(nic));
}

/* --- libvirt ------------------------------------------------------------------------------------------ */

#define HEAD                                                                                                    \
	"<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n-->\n\n"                                               \
	"<domstatus state='paused' reason='user' pid='249'>\n"                                                  \
	"  <monitor path='/var/lib/libvirt/qemu/domain-1-web/monitor.sock' type='unix'/>\n"                     \
	"  <vcpus><vcpu id='0' pid='254'/></vcpus>\n  <devices><device alias='net0'/></devices>\n"              \
	"  <domain type='qemu' id='1'>\n    <name>web</name>\n    <devices>\n"                                  \
	"      <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
#define TAIL "    </devices>\n  </domain>\n</domstatus>\n"
#define NIC(tap, mac, model)                                                                         \
	"      <interface type='bridge'>\n        <mac address='" mac "'/>\n"                         \
	"        <source bridge='br0'/>\n        <target dev='" tap "'/>\n        <model type='" model \
	"'/>\n        <alias name='net0'/>\n      </interface>\n"

static int parse_libvirt(const char *text, struct record *out)
{
	return record_libvirt_parse(text, strlen(text), out);
}

static void assert_libvirt_refuses(const char *text, int error)
{
	struct record r = { .pid = 5 };

	assert_int_equal(parse_libvirt(text, &r), error);
	assert_int_equal(r.pid, 5);
	assert_null(r.nics);
}

static void libvirt_as_it_is(void **state)
{
	_cleanup_(record_free) struct record r = { 0 };

	(void)state;
	assert_int_equal(parse_libvirt(HEAD NIC("vnet0", "52:54:00:AA:22:33", "virtio")
					       NIC("vnet7", "52:54:00:11:22:34", "e1000e") TAIL,
				       &r),
			 0);
	assert_int_equal(r.pid, 249);
	assert_int_equal(r.n, 2);
	assert_nic(&r, "vnet0", "52:54:00:aa:22:33", "virtio");
	assert_nic(&r, "vnet7", "52:54:00:11:22:34", "e1000e");
}

static void libvirt_with_nics_that_are_none_of_ours(void **state)
{
	_cleanup_(record_free) struct record r = { 0 }, none = { 0 };

	(void)state;
	assert_int_equal(
		parse_libvirt(HEAD "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
				   "<interface type='hostdev'><source/></interface><interface/>"
				   "<interface><target dev='vnet1'/></interface>"
				   "<interface><target dev='a name that is too long'/></interface>"
				   "<interface><target dev='vnet2'/><mac address='nonsense'/><model type='a b'/></interface>"
				   "<interface><target dev='../x'/></interface><interface><target dev='&#10;x'/></interface>"
				   "<interface><target dev=''/></interface><interface><target/></interface>" TAIL,
			      &r),
		0);
	assert_int_equal(r.n, 2);
	assert_nic(&r, "vnet1", "", "");
	assert_nic(&r, "vnet2", "", "");
	assert_int_equal(parse_libvirt(HEAD TAIL, &none), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(none.pid, 249);
}

static void libvirt_is_no_record(void **state)
{
	static const char *const texts[] = {
		"",
		"<",
		"no XML",
		"<domain/>",
		"<domstatus pid='5'/>",
		"<domstatus pid='5'><domain/></domstatus>",
		"<domstatus><domain><devices/></domain></domstatus>",
		"<domstatus pid=''><domain><devices/></domain></domstatus>",
		"<domstatus pid='0'><domain><devices/></domain></domstatus>",
		"<domstatus pid='-7'><domain><devices/></domain></domstatus>",
		"<domstatus pid='7x'><domain><devices/></domain></domstatus>",
		"<domstatus pid='99999999999999999999'><domain><devices/></domain></domstatus>",
		"<domstatus pid='4294967297'><domain><devices/></domain></domstatus>",
		"<other pid='5'><domain><devices/></domain></other>",
		"<domstatus pid='5'><domain><devices></domain></domstatus>",
		"<domstatus pid='5'><domain><devices/></domain>",
		"<domstatus pid='5'><domain><devices/></domain></domstatus><again/>",
		"<domstatus pid='5'><domain><devices>&lt;&who;</devices></domain></domstatus>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_libvirt_refuses(texts[i], -EBADMSG);
}

/* A billion laughs, a file of the host, another document, a document type in disguise. */
static void libvirt_with_entities(void **state)
{
	static const char *const types[] = {
		("<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
		 "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY e '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]>"),
		"<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
		"<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/x.dtd'>",
		"<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>",
		"<?xml version='1.0' encoding='UTF-7'?><!DOCTYPE d []>",
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(text, sizeof(text), "%s<domstatus pid='5'><domain><devices>%s</devices></domain></domstatus>",
			 types[i], i == 2 ? "" : "<interface><target dev='&e;'/></interface>");
		assert_libvirt_refuses(text, -EBADMSG);
	}
}

/* UTF-16 hides what is looked for in bytes, and has bytes of zero. */
static void libvirt_in_another_encoding(void **state)
{
	static const char ascii[] = "<!DOCTYPE d []><domstatus pid='5'><domain><devices/></domain></domstatus>";
	char wide[2 * sizeof(ascii) + 2] = "\xff\xfe";
	struct record r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(ascii) - 1; i++)
		wide[2 + 2 * i] = ascii[i];
	assert_int_equal(record_libvirt_parse(wide, 2 * sizeof(ascii), &r), -EBADMSG);
	assert_libvirt_refuses("<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE d []><domstatus pid='5'/>", -EBADMSG);
}

static void libvirt_deep_and_long(void **state)
{
	size_t room = RECORD_BYTES_MAX + 4096, at;
	_cleanup_free_ char *text = malloc(room);
	struct record r = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, 'x', room);
	assert_int_equal(record_libvirt_parse(text, RECORD_BYTES_MAX + 1, &r), -E2BIG);
	at = (size_t)sprintf(text, HEAD);
	for (int i = 0; i < 100000; i++)
		at += (size_t)sprintf(text + at, "<a>");
	text[at] = '\0';
	assert_int_equal(parse_libvirt(text, &r), -EBADMSG);
	at = (size_t)sprintf(text, HEAD);
	for (int i = 0; i < RECORD_NICS_MAX + 1; i++)
		at += (size_t)sprintf(text + at, "<interface><target dev='t%d'/></interface>", i);
	strcpy(text + at, TAIL);
	assert_int_equal(parse_libvirt(text, &r), -E2BIG);
	/* as long as is allowed: one attribute */
	at = (size_t)sprintf(text, HEAD "<x y='");
	memset(text + at, 'y', RECORD_BYTES_MAX - at);
	strcpy(text + RECORD_BYTES_MAX - 3 - strlen(TAIL), "'/>" TAIL);
	assert_int_equal(record_libvirt_parse(text, RECORD_BYTES_MAX, &r), 0);
	record_free(&r);
}

/* --- Proxmox --------------------------------------------------------------------------------------------- */

static int parse_proxmox(const char *text, struct record *out)
{
	return record_proxmox_parse(100, text, strlen(text), out);
}

static void proxmox_names_taps(void **state)
{
	static const char *const others[] = { "",	   "tap",     "tap100",	 "tap100i",   "tapi0",	    "tap100i0x",
					      "tap100i0i0", "xtap1i0", "tap 1i0", "tap-1i0",   "fwpr100p0", "tap1i0 ",
					      "tap1i1234", "tap1234567890i0" };
	unsigned int id = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(record_proxmox_tap(others[i], &id));
	assert_int_equal(id, 7);
	assert_true(record_proxmox_tap("tap100i2", &id));
	assert_int_equal(id, 100);
	assert_true(record_proxmox_tap("tap999999999i31", &id));
	assert_int_equal(id, 999999999);
}

static void proxmox_as_it_is(void **state)
{
	_cleanup_(record_free) struct record r = { 0 };

	(void)state;
	assert_int_equal(parse_proxmox("# a note: net9: virtio=00:00:00:00:00:09\nagent: 1\nboot: order=scsi0;net0\n"
				       "cores: 2\nname: web\n"
				       "net0: virtio=BC:24:11:2E:C5:01,bridge=vmbr0,firewall=1,rate=10\n"
				       "net1: e1000=BC:24:11:2E:C5:02,bridge=vmbr1,link_down=1,queues=4\n"
				       "net2: model=vmxnet3,macaddr=BC:24:11:2E:C5:03,bridge=vmbr0\n"
				       "net3:rtl8139,bridge=vmbr0,macaddr=bc:24:11:2e:c5:04\r\n"
				       "net31: bridge=vmbr0,virtio=BC:24:11:2E:C5:05,trunks=1;2\n"
				       "netx: virtio=BC:24:11:2E:C5:06\nnet: virtio=BC:24:11:2E:C5:07\n"
				       "ostype: l26\n\n[PENDING]\nnet0: e1000=BC:24:11:2E:C5:08,bridge=vmbr0\n"
				       "[before-update]\nnet5: virtio=BC:24:11:2E:C5:09\n",
				       &r),
			 0);
	assert_int_equal(r.pid, 0);
	assert_int_equal(r.n, 5);
	assert_nic(&r, "tap100i0", "bc:24:11:2e:c5:01", "virtio");
	assert_nic(&r, "tap100i1", "bc:24:11:2e:c5:02", "e1000");
	assert_nic(&r, "tap100i2", "bc:24:11:2e:c5:03", "vmxnet3");
	assert_nic(&r, "tap100i3", "bc:24:11:2e:c5:04", "rtl8139");
	assert_nic(&r, "tap100i31", "bc:24:11:2e:c5:05", "virtio");
}

static void proxmox_awkward(void **state)
{
	_cleanup_(record_free) struct record r = { 0 }, none = { 0 };
	struct record refused = { 0 };

	(void)state;
	/* the later line holds; a tap's name that does not fit; nonsense; no newline at the end */
	assert_int_equal(parse_proxmox("net0: e1000=BC:24:11:2E:C5:01\nnet1:\nnet2: ,,,=,=\nnet0: virtio=BC:24:11:2E:C5:02\n"
				       "net3: virtio\nnet4: \x1b[2J=\x1b[2J,virtio=zz:24:11:2E:C5:02\nnet99999: virtio\n"
				       "net-1: virtio\nnet 5: virtio\nnet6 virtio\n\n\n\nnet7: macaddr=BC:24:11:2E:C5:03",
				       &r),
			 0);
	assert_nic(&r, "tap100i0", "bc:24:11:2e:c5:02", "virtio");
	assert_nic(&r, "tap100i3", "", "virtio");
	assert_nic(&r, "tap100i7", "bc:24:11:2e:c5:03", "");
	assert_null(nic_of(&r, "tap100i5"));
	assert_null(nic_of(&r, "tap100i6"));
	for (size_t i = 0; i < r.n; i++)
		assert_true(record_nic_is_sane(&r.nics[i]));
	assert_int_equal(parse_proxmox("", &none), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(record_proxmox_parse(100, "net0: virtio\0", 13, &refused), -EBADMSG);
	assert_int_equal(record_proxmox_parse(100, "", RECORD_BYTES_MAX + 1, &refused), -E2BIG);
}

/* --- what comes out of a parser gone wrong --------------------------------------------------------------- */

static void insane_nics(void **state)
{
	struct record_nic good = { .tap = "vnet0", .mac = "52:54:00:00:00:01", .model = "virtio" }, n;

	(void)state;
	assert_true(record_nic_is_sane(&good));
	n = good, memset(n.tap, 'a', sizeof(n.tap));
	assert_false(record_nic_is_sane(&n));
	n = good, n.tap[0] = '\0';
	assert_false(record_nic_is_sane(&n));
	n = good, n.tap[1] = '\n';
	assert_false(record_nic_is_sane(&n));
	n = good, memset(n.mac, '0', sizeof(n.mac));
	assert_false(record_nic_is_sane(&n));
	n = good, strcpy(n.mac, "52:54:00:00:00:0A");
	assert_false(record_nic_is_sane(&n));
	n = good, memset(n.model, 'm', sizeof(n.model));
	assert_false(record_nic_is_sane(&n));
	n = good, strcpy(n.model, "virtio\x1b");
	assert_false(record_nic_is_sane(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libvirt_as_it_is),
		cmocka_unit_test(libvirt_with_nics_that_are_none_of_ours),
		cmocka_unit_test(libvirt_is_no_record),
		cmocka_unit_test(libvirt_with_entities),
		cmocka_unit_test(libvirt_in_another_encoding),
		cmocka_unit_test(libvirt_deep_and_long),
		cmocka_unit_test(proxmox_names_taps),
		cmocka_unit_test(proxmox_as_it_is),
		cmocka_unit_test(proxmox_awkward),
		cmocka_unit_test(insane_nics),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_record", tests, NULL, NULL);
}
