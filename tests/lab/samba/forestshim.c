/*
 * What Samba 4.17's DC lacks to run several domains in one forest, put in front of its own functions (LD_PRELOAD;
 * shim.py compiles it). Each function says which shortcoming it makes up for. Settings, from the environment:
 *
 *   SCPD_LAB_DOMAIN    the DC's own domain
 *   SCPD_LAB_FOREST    the forest's root domain
 *   SCPD_LAB_DOMAINS   all domains of the forest, with blanks between
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SAMDB "libsamdb-common-samba4.so.0"

/* The few members read here of Samba's ldb_message, ldb_message_element and lsa_TrustDomainInfoInfoEx. */
struct element { unsigned flags; const char *name; };
struct message { void *dn; unsigned count; struct element *elements; };
struct lsa_string { uint16_t length, size; const char *text; };
struct trust { struct lsa_string name, netbios; void *sid; uint32_t direction, type, attributes; };

enum { EXTENDED_DNS = 0x10, WITHIN_FOREST = 0x20, RESULT_SIZE = 64 };

extern void *_talloc_zero(const void *parent, size_t size, const char *name);

static void *stock(const char *function)
{
    void *library = dlopen(SAMDB, RTLD_LAZY | RTLD_NOLOAD);
    void *found = library ? dlsym(library, function) : NULL;
    if (!found) {
        fprintf(stderr, "forestshim: no %s in %s\n", function, SAMDB);
        abort();
    }
    return found;
}

static int is_in(const void *caller, const char *module)
{
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, module);
}

static char *format(const char *pattern, va_list values)
{
    char *text;
    if (vasprintf(&text, pattern, values) < 0)
        abort();
    return text;
}

typedef int search_one(void *, void *, void **, void *, int, const char *const *, uint32_t, const char *, ...);

/* The KDC reads its parent's crossRef without extended DNs, finds no SID in nCName, and refuses every ticket request:
 * ask for them. */
int dsdb_search_one(void *ldb, void *memory, void **message, void *base, int scope, const char *const *attributes,
                    uint32_t flags, const char *pattern, ...)
{
    search_one *next = stock("dsdb_search_one");
    if (!pattern)
        return next(ldb, memory, message, base, scope, attributes, flags, NULL);
    va_list values;
    va_start(values, pattern);
    char *filter = format(pattern, values);
    va_end(values);
    if (strcmp(filter, "(objectClass=crossRef)") == 0)
        flags |= EXTENDED_DNS;
    int result = next(ldb, memory, message, base, scope, attributes, flags, "%s", filter);
    free(filter);
    return result;
}

/* Replication asks for a ticket to GC/<host>/<forest>, without a realm, once the catalog shows the partner's computer;
 * our own KDC does not know where that is. "No such name" keeps it at the name that has a realm, see below. */
int dsdb_search(void *ldb, void *memory, void **answer, void *base, int scope, const char *const *attributes,
                uint32_t flags, const char *pattern, ...)
{
    search_one *next = stock("dsdb_search");
    if (!pattern)
        return next(ldb, memory, answer, base, scope, attributes, flags, NULL);
    if (strcmp(pattern, "servicePrincipalName=%s") == 0 && is_in(__builtin_return_address(0), "drepl.so")) {
        *answer = _talloc_zero(memory, RESULT_SIZE, "struct ldb_result");
        return 0;
    }
    va_list values;
    va_start(values, pattern);
    char *filter = format(pattern, values);
    va_end(values);
    int result = next(ldb, memory, answer, base, scope, attributes, flags, "%s", filter);
    free(filter);
    return result;
}

/* Replication writes the partner's realm in small letters, and no realm of that name is found elsewhere. */
char *samdb_dn_to_dns_domain(void *memory, void *dn)
{
    char *(*next)(void *, void *) = stock("samdb_dn_to_dns_domain");
    char *domain = next(memory, dn);
    if (domain && is_in(__builtin_return_address(0), "drepl.so"))
        for (char *letter = domain; *letter; ++letter)
            *letter = (char)toupper((unsigned char)*letter);
    return domain;
}

/* The KCC lists the other domains' DomainDnsZones as partial replicas, too; the DNS server then takes itself for theirs
 * and denies every name. childdomain.py has made the list: leave it. */
int dsdb_modify(void *ldb, const struct message *change, uint32_t flags)
{
    int (*next)(void *, const struct message *, uint32_t) = stock("dsdb_modify");
    if (change->count == 1 && strcasecmp(change->elements[0].name, "hasPartialReplicaNCs") == 0 &&
        is_in(__builtin_return_address(0), "kcc.so"))
        return 0;
    return next(ldb, change, flags);
}

static int lies_in(const char *name, const char *domain)
{
    size_t all = strlen(name), tail = strlen(domain);
    return tail <= all && strcasecmp(name + all - tail, domain) == 0 && (tail == all || name[all - tail - 1] == '.');
}

/* The forest's deepest domain that a name lies in; else NULL. For the caller to free. */
static char *domain_of(const char *name, const char *domains)
{
    char *list = strdup(domains), *rest = NULL, *best = NULL;
    for (char *one = strtok_r(list, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
        if (lies_in(name, one) && (!best || strlen(one) > strlen(best)))
            best = one;
    best = best ? strdup(best) : NULL;
    free(list);
    return best;
}

/* The KDC does not find its way within the forest: it takes em1.emea.corp.test for corp.test's, and gives no referral to
 * a trust that is within the forest. Choose by the deepest domain, lead other forests' names by way of the root, and
 * show the trust as an ordinary one. */
const struct trust *dsdb_trust_routing_by_name(const void *table, const char *name)
{
    struct trust *(*next)(const void *, const char *) = stock("dsdb_trust_routing_by_name");
    const char *own = getenv("SCPD_LAB_DOMAIN"), *root = getenv("SCPD_LAB_FOREST"), *all = getenv("SCPD_LAB_DOMAINS");
    if (!own || !root || !all || !name || !is_in(__builtin_return_address(0), "db-glue"))
        return next(table, name);
    char *domain = domain_of(name, all);
    if (domain && strcasecmp(domain, own) == 0) {
        free(domain);
        return NULL;
    }
    struct trust *way = next(table, domain ? domain : name);
    if (!way)
        way = next(table, root);
    if (way && way->name.text && strcasecmp(way->name.text, own) != 0)
        way->attributes &= ~(uint32_t)WITHIN_FOREST;
    free(domain);
    return way;
}
