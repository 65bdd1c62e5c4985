/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int spec_refuse(struct spec_error *err, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	err->line = line;
	err->column = column;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int spec_fail(struct spec_error *err, int error, const char *fmt, ...)
{
	va_list ap;

	err->line = err->column = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return error;
}

int spec_no_memory(struct spec_error *err)
{
	return spec_fail(err, -ENOMEM, "out of memory");
}
