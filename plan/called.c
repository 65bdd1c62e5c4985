// SPDX-License-Identifier: GPL-2.0-or-later
#include "called.h"

#include <stdio.h>
#include <string.h>

static bool is_called(const struct vmm_nic *nic, const char *vm)
{
	return strcmp(nic->vm, vm) == 0 || strcmp(nic->vmid, vm) == 0;
}

static bool is_first_of_process(const struct host *h, size_t i, const char *vm)
{
	for (size_t k = 0; k < i; k++)
		if (h->nics[k].pid == h->nics[i].pid && is_called(&h->nics[k], vm))
			return false;
	return true;
}

static size_t count_processes(const struct host *h, const char *vm)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_nics; i++)
		n += is_called(&h->nics[i], vm) && is_first_of_process(h, i, vm);
	return n;
}

/* Appends; what does not fit is replaced by "...". */
static void add(char buf[CALLED_TEXT_SIZE], const char *text)
{
	static const char dots[] = "...";
	size_t n = strlen(buf), room = CALLED_TEXT_SIZE - sizeof(dots);

	if (n >= sizeof(dots) && strcmp(buf + n - strlen(dots), dots) == 0)
		return;
	snprintf(buf + n, CALLED_TEXT_SIZE - n, "%s", n + strlen(text) <= room ? text : dots);
}

static void add_process(const struct host *h, size_t first, const char *vm, const char *before,
			char buf[CALLED_TEXT_SIZE])
{
	char text[64];

	snprintf(text, sizeof(text), "%sprocess %d (%s", before, (int)h->nics[first].pid,
		 h->nics[first].tap);
	add(buf, text);
	for (size_t i = first + 1; i < h->n_nics; i++) {
		if (h->nics[i].pid != h->nics[first].pid || !is_called(&h->nics[i], vm))
			continue;
		snprintf(text, sizeof(text), ", %s", h->nics[i].tap);
		add(buf, text);
	}
	add(buf, ")");
}

const char *called_list(const struct host *h, const char *vm, char buf[CALLED_TEXT_SIZE])
{
	size_t total = count_processes(h, vm), n = 0;

	snprintf(buf, CALLED_TEXT_SIZE, "%zu VM%s", total, total == 1 ? "" : "s");
	for (size_t i = 0; i < h->n_nics; i++) {
		if (!is_called(&h->nics[i], vm) || !is_first_of_process(h, i, vm))
			continue;
		n++;
		add_process(h, i, vm, n > 1 && n == total ? " and " : ", ", buf);
	}
	return buf;
}
