// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmm_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vmm_copy(char *dst, size_t size, const char *src)
{
	size_t k = strnlen(src, size - 1);

	memmove(dst, src, k);
	dst[k] = '\0';
}

bool vmm_value(const char *option, const char *key, char *value, size_t size)
{
	size_t klen = strlen(key);

	while (*option) {
		size_t k = 0;

		for (int depth = 0; option[k] && (option[k] != ',' || depth); k++)
			depth += (option[k] == '[') - (option[k] == ']');
		if (k > klen && !strncmp(option, key, klen) && option[klen] == '=') {
			snprintf(value, size, "%.*s", (int)(k - klen - 1), option + klen + 1);
			return true;
		}
		option += k + (option[k] == ',');
	}
	return false;
}

bool vmm_names_fd(const struct vmm_question *q, const char *list)
{
	while (*(list += strcspn(list, "0123456789"))) {
		char *end;
		long fd = strtol(list, &end, 10);

		for (size_t i = 0; i < q->n_fds; i++)
			if (q->fds[i] == fd)
				return true;
		list = end;
	}
	return false;
}

const char *vmm_argument(char *const *argv, const char *name)
{
	size_t k = strlen(name);

	for (char *const *a = argv; *a; a++) {
		const char *p = *a;

		if (*p != '-')
			continue;
		p += p[1] == '-' ? 2 : 1;
		if (strncmp(p, name, k))
			continue;
		if (p[k] == '=')
			return p + k + 1;
		if (p[k] == '\0')
			return a[1];
	}
	return NULL;
}
