// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/formatdomain of libvirt; src/qemu/qemu_domain.c: qemuDomainObjPrivateXMLFormat(). */
#include "record_libvirt.h"

#include "base/cleanup.h"

#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <string.h>

static void doc_freep(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
}

static void xml_freep(xmlChar **text)
{
	if (*text)
		xmlFree(*text);
}

static bool is_element(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

/* The first child element of that name; NULL: there is none, or no parent. */
static const xmlNode *child(const xmlNode *parent, const char *name)
{
	const xmlNode *n = parent ? parent->children : NULL;

	while (n && !is_element(n, name))
		n = n->next;
	return n;
}

/* An attribute's value, the caller's to xmlFree(); NULL: it has none, or no element. */
static xmlChar *attribute(const xmlNode *element, const char *name)
{
	return element ? xmlGetNoNsProp(element, (const xmlChar *)name) : NULL;
}

static pid_t read_pid(const xmlNode *status)
{
	_cleanup_(xml_freep) xmlChar *text = attribute(status, "pid");
	char *end;
	long v;

	if (!text || *text < '1' || *text > '9')
		return 0;
	errno = 0;
	v = strtol((const char *)text, &end, 10);
	return *end || errno || v > INT_MAX ? 0 : (pid_t)v;
}

/* A NIC without a tap (user, hostdev, vhostuser) is none of divvy's. */
static int add_interface(const xmlNode *interface, struct record *out)
{
	_cleanup_(xml_freep) xmlChar *tap = attribute(child(interface, "target"), "dev");
	_cleanup_(xml_freep) xmlChar *mac = attribute(child(interface, "mac"), "address");
	_cleanup_(xml_freep) xmlChar *model = attribute(child(interface, "model"), "type");
	int r = tap ? record_add(out, (const char *)tap, (const char *)mac, (const char *)model) : 0;

	return r == -EBADMSG ? 0 : r;
}

static int read_status(const xmlNode *status, struct record *out)
{
	const xmlNode *devices = child(child(status, "domain"), "devices");
	int r = 0;

	out->pid = is_element(status, "domstatus") ? read_pid(status) : 0;
	if (!out->pid || !devices)
		return -EBADMSG;
	for (const xmlNode *n = devices->children; n && r == 0; n = n->next)
		if (is_element(n, "interface"))
			r = add_interface(n, out);
	return r;
}

int record_libvirt_parse(const char *text, size_t size, struct record *out)
{
	static const char doctype[] = "<!DOCTYPE";
	_cleanup_(doc_freep) xmlDoc *doc = NULL;
	_cleanup_(record_free) struct record r = { 0 };
	int err;

	if (size > RECORD_BYTES_MAX)
		return -E2BIG;
	/* libvirt writes UTF-8 and no document type; what has none has no entities either. */
	if (memchr(text, '\0', size) || memmem(text, size, doctype, sizeof(doctype) - 1))
		return -EBADMSG;
	/* Without XML_PARSE_HUGE depth is limited (256), without XML_PARSE_NOENT no entity is put in its place. */
	doc = xmlReadMemory(text, (int)size, NULL, "UTF-8",
			    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);
	if (!doc || doc->intSubset || doc->extSubset)
		return -EBADMSG;
	err = read_status(xmlDocGetRootElement(doc), &r);
	if (err < 0)
		return err;
	*out = r;
	r = (struct record){ 0 };
	return 0;
}
