// SPDX-License-Identifier: GPL-2.0-or-later
#include "reason.h"

#include <stdio.h>
#include <string.h>

static const char *const lines[N_REASONS] = {
	[REASON_NONE] = "",
	[REASON_NO_VM] = "no VM @1 on this host",
	[REASON_NO_MAC] = "no vNIC with MAC @1 on this host",
	[REASON_SEVERAL_OF_VM] = "VM @1 is @2: select one by nic: or mac:",
	[REASON_SEVERAL_OF_MAC] = "vNIC with MAC @1 has several vNICs: name one by nic:",
	[REASON_UNSEEN_VM] = "no VM @1 among those that divvyd may look into: @2",
	[REASON_UNSEEN_MAC] = "no vNIC with MAC @1 among those that divvyd may look into: @2",
	[REASON_NO_CONTAINER] = "no veth of this host leads to a container @1",
	[REASON_NO_MATCH] = "no @1 on this host is like @2",
	[REASON_TIED] = "@1 fits device @2 as well: make one selector more specific",
	[REASON_ELSEWHERE] = "@1 leads to another uplink",
	[REASON_ASTRAY] = "cannot tell to which uplink @1 leads: name it by nic:",
	[REASON_NO_LINK] = "no interface @1 on this host",
	[REASON_NOT_VNIC] = "@1: @2",
	[REASON_NOT_OPEN] = "@1: no VM has it open",
	[REASON_DOWN] = "@1 is down: ip link set dev @1 up",
	[REASON_NO_CARRIER] = "@1 has no carrier: its VM has taken it away",
	[REASON_CLAIMED] = "@1 is claimed by device @2 already",
	[REASON_NFT_HOOK] = "nft chain @1 hooks @2 at @3 and would be passed by: remove it, or set force: true",
	[REASON_NFT_UNKNOWN] = "cannot ask nft whether it hooks @1 (@2): not bound until it answers",
	[REASON_VANISHED] = "interface @1 vanished",
	[REASON_NO_ATTACH] = "cannot attach to @1: @2@3",
	[REASON_NO_EGRESS] = "no place for divvy's filter: @1",
	[REASON_SETTLING] = "@1 is settling: @2",
	[REASON_OFF] = "off in the specification",
	[REASON_NO_SNDBUF] = "@1 has no send buffer on the host's side",
	[REASON_NO_PROCESS] = "no process of this host was found behind @1",
	[REASON_UNSEEN_PROCESS] = "divvyd may not look into the process behind @1: @2",
	[REASON_LOWER] = "a @1 takes its packets before they can wait: what is too much is dropped",
	[REASON_VMM] = "@1",
};

void reason_set(struct reason *r, enum reason_code code, const char *a, const char *b, const char *c)
{
	const char *const arg[] = { a, b, c };
	const char *at = lines[code];
	size_t n = 0;

	r->code = code;
	while (*at && n < sizeof(r->text) - 1) {
		if (at[0] == '@' && at[1] >= '1' && at[1] <= '3') {
			const char *word = arg[at[1] - '1'] ? arg[at[1] - '1'] : "";

			n += (size_t)snprintf(r->text + n, sizeof(r->text) - n, "%s", word);
			at += 2;
		} else {
			r->text[n++] = *at++;
		}
	}
	r->text[n < sizeof(r->text) ? n : sizeof(r->text) - 1] = '\0';
}
