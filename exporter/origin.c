// SPDX-License-Identifier: GPL-2.0-or-later
#include "origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* The length of the host before ":port"; 0: it is none. */
static size_t host_length(const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL, *port;
	size_t len;

	if (host[0] == '[' && !end)
		return 0;
	len = end ? (size_t)(end + 1 - host) : strcspn(host, ":");
	port = host + len;
	if (*port == ':')
		port += 1 + strspn(port + 1, "0123456789");
	return *port == '\0' ? len : 0;
}

bool origin_is_allowed(const char *host, const char *const *names, size_t n)
{
	size_t len = host ? host_length(host) : 0;
	char name[256];
	struct in_addr addr;

	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	if (inet_pton(AF_INET, name, &addr) == 1 && ntohl(addr.s_addr) >> 24 == 127)
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}
