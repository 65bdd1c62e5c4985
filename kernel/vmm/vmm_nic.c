// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmm_nic.h"

#include "base/printable.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Each text is before, the subject, and after. */
static const struct {
	enum vmm_waits waits;
	const char *before, *after;
} reasons[] = {
	[VMM_WHY_NONE] = { VMM_WAITS_YES, "", "" },
	[VMM_WHY_NO_VMM] = { VMM_WAITS_UNKNOWN, "", " is no VMM that divvy knows" },
	[VMM_WHY_UNTRIED] = { VMM_WAITS_UNKNOWN, "it has not been tried whether ", " waits for its tap" },
	[VMM_WHY_DROPS] = { VMM_WAITS_NO, "", " drops what its tap does not take at once" },
	[VMM_WHY_NO_MODEL] = { VMM_WAITS_UNKNOWN, "nothing tells the model of ",
			       "'s NIC; if it is virtio, set backpressure: on" },
	[VMM_WHY_MODEL] = { VMM_WAITS_NO, "QEMU's ", " does not wait: 10,000 packets queue, then drop" },
};

void vmm_nic_judge(struct vmm_nic *nic, enum vmm_why reason, const char *subject)
{
	char about[24]; /* a text that is too long is cut between two characters */

	nic->waits = reasons[reason].waits;
	nic->reason = reason;
	nic->why[0] = '\0';
	if (reason != VMM_WHY_NONE)
		snprintf(nic->why, sizeof(nic->why), "%s%s%s", reasons[reason].before,
			 printable(subject, strlen(subject), about, sizeof(about)),
			 reasons[reason].after);
}

void vmm_mac_normalise(char mac[18])
{
	static const char form[] = "xx:xx:xx:xx:xx:xx";

	for (size_t i = 0; i < sizeof(form); i++) {
		if (form[i] == 'x' ? !isxdigit((unsigned char)mac[i]) : mac[i] != form[i]) {
			mac[0] = '\0';
			return;
		}
		mac[i] = (char)tolower((unsigned char)mac[i]);
	}
}
