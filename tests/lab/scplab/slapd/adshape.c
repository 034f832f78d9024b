/*
 * adshape: a SLAPI plugin that lets slapd treat writes as an Active Directory domain controller
 * does.
 *
 *   add      objectClass gets its whole chain; objectGUID, objectCategory, name, distinguishedName,
 * instanceType, whenCreated, whenChanged, uSNCreated and uSNChanged are set by the server modify
 * whenChanged and uSNChanged are set by the server modrdn   likewise, and name and
 * distinguishedName follow the new RDN search   the RootDSE shows a live highestCommittedUSN and
 * currentTime refused  values that are longer than AD's schema allows, in characters
 * (constraintViolation), and a client's own values for what the server owns (constraintViolation;
 * the database's rootdn may)
 *
 * slapd.conf:  plugin preoperation /path/adshape.so adshape_init "<USN file>" "<schema naming
 * context>"
 *
 * The USN file holds one uint64_t and is mapped shared, so that the counter outlives even a killed
 * slapd. It must hold the highest USN of the loaded content when slapd starts.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ldap.h>
#include <slapi-plugin.h>

enum { CONTINUE = 0, REFUSE = -1, TIME_SIZE = 32, USN_SIZE = 24, CHAIN_MAX = 6 };

static _Atomic uint64_t* usn_counter;
static char* schema_dn;

/* ---- what AD knows about its classes and attributes ---- */

struct ad_class {
    const char* chain[CHAIN_MAX]; /* from top to the class itself */
    const char* category;         /* RDN value of the class in the schema */
};

/* The most derived class first: an entry takes the first chain whose last class it names. */
static const struct ad_class classes[] = {
    {{"top", "leaf", "connectionPoint", "serviceConnectionPoint", "serviceAdministrationPoint"},
     "Service-Administration-Point"},
    {{"top", "leaf", "connectionPoint", "serviceConnectionPoint"}, "Service-Connection-Point"},
    {{"top", "container"}, "Container"},
    {{"top", "organizationalUnit"}, "Organizational-Unit"},
    {{"top", "person", "organizationalPerson", "user", "computer"}, "Computer"},
    {{"top", "person", "organizationalPerson", "user"}, "Person"},
    {{"top", "group"}, "Group"},
    {{"top", "crossRef"}, "Cross-Ref"},
};

static const struct {
    const char* attribute;
    size_t characters;
} upper_ranges[] = {{"cn", 64}, {"keywords", 256}, {"serviceDNSNameType", 256}, {"vendor", 512}};

/* systemOnly in AD's schema, or maintained by the server. */
static const char* const server_owned[] = {
    "objectGUID",  "objectCategory", "distinguishedName", "name",         "whenCreated",
    "whenChanged", "uSNCreated",     "uSNChanged",        "instanceType", "objectSid"};

/* ---- small helpers ---- */

static uint64_t next_usn(void) {
    return atomic_fetch_add(usn_counter, 1) + 1;
}

static void format_now(char out[TIME_SIZE]) {
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, TIME_SIZE, "%Y%m%d%H%M%S.0Z", &parts);
}

static void format_usn(char out[USN_SIZE], uint64_t usn) {
    snprintf(out, USN_SIZE, "%llu", (unsigned long long)usn);
}

static size_t utf8_characters(const struct berval* value) {
    size_t count = 0;
    for (ber_len_t i = 0; i < value->bv_len; i++)
        count += ((unsigned char)value->bv_val[i] & 0xC0) != 0x80;
    return count;
}

static int requestor_is_root(Slapi_PBlock* pb) {
    int is_root = 0;
    return slapi_pblock_get(pb, SLAPI_REQUESTOR_ISROOT, &is_root) == 0 && is_root;
}

static int refuse(Slapi_PBlock* pb, int code, const char* text, const char* attribute) {
    char message[200];
    snprintf(message, sizeof message, "%s: %s", attribute, text);
    slapi_send_ldap_result(pb, code, NULL, message, 0, NULL);
    return REFUSE;
}

static const char* find_server_owned(const char* attribute) {
    for (size_t i = 0; i < sizeof server_owned / sizeof *server_owned; i++)
        if (strcasecmp(server_owned[i], attribute) == 0)
            return server_owned[i];
    return NULL;
}

static int is_too_long(const char* attribute, const struct berval* value) {
    for (size_t i = 0; i < sizeof upper_ranges / sizeof *upper_ranges; i++)
        if (strcasecmp(upper_ranges[i].attribute, attribute) == 0)
            return utf8_characters(value) > upper_ranges[i].characters;
    return 0;
}

static void replace_bytes(Slapi_Entry* entry, const char* attribute, struct berval value) {
    struct berval* list[] = {&value, NULL};
    slapi_entry_attr_delete(entry, attribute);
    slapi_entry_attr_merge(entry, attribute, list);
}

static struct berval text(const char* value) {
    struct berval whole = {strlen(value), (char*)value};
    return whole;
}

static void replace_value(Slapi_Entry* entry, const char* attribute, const char* value) {
    replace_bytes(entry, attribute, text(value));
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The value of the first RDN of a pretty DN, unescaped; it may hold NUL. free() its bv_val. */
static struct berval rdn_value(const char* dn) {
    struct berval out = {0, malloc(strlen(dn) + 1)};
    const char* in = strchr(dn, '=');
    for (in = in ? in + 1 : dn; out.bv_val && *in && *in != ','; in++) {
        char next = *in;
        if (*in == '\\' && hex_digit(in[1]) >= 0 && hex_digit(in[2]) >= 0) {
            next = (char)(hex_digit(in[1]) * 16 + hex_digit(in[2]));
            in += 2;
        } else if (*in == '\\' && in[1]) {
            next = *++in;
        }
        out.bv_val[out.bv_len++] = next;
    }
    return out;
}

/* ---- add ---- */

static int has_class(Slapi_Entry* entry, const char* name) {
    struct berval value = {strlen(name), (char*)name};
    Slapi_Attr* attribute = NULL;
    return slapi_entry_attr_find(entry, "objectClass", &attribute) == 0 &&
           slapi_attr_value_find(attribute, &value) == 0;
}

static void complete_class(Slapi_Entry* entry) {
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const struct ad_class* class = &classes[i];
        struct berval values[CHAIN_MAX];
        struct berval* list[CHAIN_MAX + 1];
        size_t length = 0;
        for (; length < CHAIN_MAX && class->chain[length]; length++) {
            values[length].bv_val = (char*)class->chain[length];
            values[length].bv_len = strlen(class->chain[length]);
            list[length] = &values[length];
        }
        list[length] = NULL;
        if (!has_class(entry, class->chain[length - 1]))
            continue;
        slapi_entry_attr_delete(entry, "objectClass");
        slapi_entry_attr_merge(entry, "objectClass", list);
        char category[600];
        snprintf(category, sizeof category, "CN=%s,%s", class->category, schema_dn);
        replace_value(entry, "objectCategory", category);
        return;
    }
}

static int set_new_guid(Slapi_Entry* entry) {
    unsigned char guid[16];
    if (getrandom(guid, sizeof guid, 0) != (ssize_t)sizeof guid)
        return -1;
    guid[7] = (unsigned char)((guid[7] & 0x0F) |
                              0x40); /* version 4; the third field is little-endian in AD */
    guid[8] = (unsigned char)((guid[8] & 0x3F) | 0x80);
    struct berval value = {sizeof guid, (char*)guid};
    struct berval* list[] = {&value, NULL};
    slapi_entry_attr_delete(entry, "objectGUID");
    slapi_entry_attr_merge(entry, "objectGUID", list);
    return 0;
}

static int check_values(Slapi_PBlock* pb, Slapi_Entry* entry) {
    for (size_t i = 0; i < sizeof upper_ranges / sizeof *upper_ranges; i++) {
        Slapi_Attr* attribute = NULL;
        struct berval** values = NULL;
        if (slapi_entry_attr_find(entry, upper_ranges[i].attribute, &attribute) != 0)
            continue;
        if (slapi_attr_get_values(attribute, &values) != 0 || !values)
            continue;
        for (size_t n = 0; values[n]; n++)
            if (is_too_long(upper_ranges[i].attribute, values[n]))
                return refuse(pb, LDAP_CONSTRAINT_VIOLATION, "value longer than rangeUpper",
                              upper_ranges[i].attribute);
    }
    return CONTINUE;
}

static int before_add(Slapi_PBlock* pb) {
    Slapi_Entry* entry = NULL;
    if (slapi_pblock_get(pb, SLAPI_ADD_ENTRY, &entry) != 0 || !entry)
        return CONTINUE;
    for (size_t i = 0; !requestor_is_root(pb) && i < sizeof server_owned / sizeof *server_owned;
         i++) {
        Slapi_Attr* attribute = NULL;
        if (slapi_entry_attr_find(entry, server_owned[i], &attribute) == 0 &&
            strcasecmp(server_owned[i], "name") !=
                0 /* slapd finds cn, a subtype, under that name */)
            return refuse(pb, LDAP_CONSTRAINT_VIOLATION, "is set by the server", server_owned[i]);
    }
    if (check_values(pb, entry) != CONTINUE)
        return REFUSE;
    complete_class(entry);
    if (set_new_guid(entry) != 0)
        return refuse(pb, LDAP_OTHER, "no random numbers", "objectGUID");
    const char* dn = slapi_entry_get_dn(entry);
    char now[TIME_SIZE], usn[USN_SIZE];
    format_now(now);
    format_usn(usn, next_usn());
    replace_value(entry, "whenCreated", now);
    replace_value(entry, "whenChanged", now);
    replace_value(entry, "uSNCreated", usn);
    replace_value(entry, "uSNChanged", usn);
    replace_value(entry, "instanceType", "4");
    replace_value(entry, "distinguishedName", dn);
    struct berval name = rdn_value(dn);
    if (name.bv_val)
        replace_bytes(entry, "name", name);
    free(name.bv_val);
    return CONTINUE;
}

/* ---- modify and modrdn ---- */

static LDAPMod* new_replace(const char* attribute, struct berval value) {
    LDAPMod* mod = (LDAPMod*)slapi_ch_calloc(1, sizeof *mod);
    struct berval* one = (struct berval*)slapi_ch_calloc(1, sizeof *one);
    one->bv_val = (char*)slapi_ch_malloc(value.bv_len + 1);
    memcpy(one->bv_val, value.bv_val, value.bv_len);
    one->bv_val[value.bv_len] = '\0';
    one->bv_len = value.bv_len;
    mod->mod_op = LDAP_MOD_REPLACE | LDAP_MOD_BVALUES;
    mod->mod_type = slapi_ch_strdup(attribute);
    mod->mod_bvalues = (struct berval**)slapi_ch_calloc(2, sizeof *mod->mod_bvalues);
    mod->mod_bvalues[0] = one;
    return mod;
}

struct replacement {
    const char* attribute;
    struct berval value;
};

/* Appends whenChanged, uSNChanged and the given values to the changes of this operation. */
static void append_stamps(Slapi_PBlock* pb, LDAPMod** mods, const struct replacement* extra,
                          size_t extras) {
    size_t count = 0;
    while (mods && mods[count])
        count++;
    LDAPMod** longer =
        (LDAPMod**)slapi_ch_calloc((unsigned long)(count + extras + 3), sizeof *longer);
    if (count)
        memcpy(longer, mods, count * sizeof *mods);
    char now[TIME_SIZE], usn[USN_SIZE];
    format_now(now);
    format_usn(usn, next_usn());
    longer[count++] = new_replace("whenChanged", text(now));
    longer[count++] = new_replace("uSNChanged", text(usn));
    for (size_t i = 0; i < extras; i++)
        longer[count++] = new_replace(extra[i].attribute, extra[i].value);
    slapi_pblock_set(pb, SLAPI_MODIFY_MODS, longer);
}

/* slapd's own settings, which know none of AD's attributes. */
static int is_in_config(Slapi_PBlock* pb) {
    static const char suffix[] = "cn=config";
    char* dn = NULL;
    if (slapi_pblock_get(pb, SLAPI_MODIFY_TARGET, &dn) != 0 || !dn)
        return 0;
    size_t length = strlen(dn), ending = sizeof suffix - 1;
    return length >= ending && strcasecmp(dn + length - ending, suffix) == 0;
}

static int before_modify(Slapi_PBlock* pb) {
    LDAPMod** mods = NULL;
    if (slapi_pblock_get(pb, SLAPI_MODIFY_MODS, &mods) != 0 || !mods || is_in_config(pb))
        return CONTINUE;
    for (size_t i = 0; mods[i]; i++) {
        const char* owned = find_server_owned(mods[i]->mod_type);
        if (owned && !requestor_is_root(pb))
            return refuse(pb, LDAP_CONSTRAINT_VIOLATION, "is set by the server", owned);
        if ((mods[i]->mod_op & LDAP_MOD_OP) == LDAP_MOD_DELETE)
            continue;
        for (size_t n = 0; mods[i]->mod_bvalues && mods[i]->mod_bvalues[n]; n++)
            if (is_too_long(mods[i]->mod_type, mods[i]->mod_bvalues[n]))
                return refuse(pb, LDAP_CONSTRAINT_VIOLATION, "value longer than rangeUpper",
                              mods[i]->mod_type);
    }
    append_stamps(pb, mods, NULL, 0);
    return CONTINUE;
}

static int before_modrdn(Slapi_PBlock* pb) {
    char *dn = NULL, *new_rdn = NULL, *new_superior = NULL;
    LDAPMod** mods = NULL;
    slapi_pblock_get(pb, SLAPI_MODRDN_TARGET, &dn);
    slapi_pblock_get(pb, SLAPI_MODRDN_NEWRDN, &new_rdn);
    slapi_pblock_get(pb, SLAPI_MODRDN_NEWSUPERIOR, &new_superior);
    slapi_pblock_get(pb, SLAPI_MODIFY_MODS, &mods);
    if (!dn || !new_rdn)
        return CONTINUE;
    struct berval name = rdn_value(new_rdn);
    char* old_parent = slapi_dn_parent(dn);
    const char* parent = new_superior ? new_superior : old_parent ? old_parent : "";
    size_t size = strlen(new_rdn) + strlen(parent) + 2;
    char* new_dn = malloc(size);
    int result = CONTINUE;
    if (name.bv_val && new_dn) {
        snprintf(new_dn, size, "%s,%s", new_rdn, parent);
        if (is_too_long("cn", &name)) {
            result = refuse(pb, LDAP_CONSTRAINT_VIOLATION, "value longer than rangeUpper", "cn");
        } else {
            const struct replacement extra[] = {{"name", name},
                                                {"distinguishedName", text(new_dn)}};
            append_stamps(pb, mods, extra, sizeof extra / sizeof *extra);
        }
    }
    free(new_dn);
    free(name.bv_val);
    slapi_ch_free((void**)&old_parent);
    return result;
}

/* ---- search ---- */

static int before_entry(Slapi_PBlock* pb) {
    Slapi_Entry* entry = NULL;
    Slapi_Attr* attribute = NULL;
    if (slapi_pblock_get(pb, SLAPI_SEARCH_RESULT_ENTRY, &entry) != 0 || !entry)
        return CONTINUE;
    const char* dn = slapi_entry_get_dn(entry);
    if (!dn || *dn || slapi_entry_attr_find(entry, "highestCommittedUSN", &attribute) != 0)
        return CONTINUE;
    Slapi_Entry* live = slapi_entry_dup(entry); /* the original belongs to slapd */
    char usn[USN_SIZE], now[TIME_SIZE];
    format_usn(usn, atomic_load(usn_counter));
    format_now(now);
    replace_value(live, "highestCommittedUSN", usn);
    replace_value(live, "currentTime", now);
    slapi_pblock_set(pb, SLAPI_SEARCH_RESULT_ENTRY, live);
    return CONTINUE;
}

/* ---- start ---- */

static _Atomic uint64_t* map_counter(const char* path) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct stat status;
    void* address = MAP_FAILED;
    if (fstat(fd, &status) == 0 && status.st_size == (off_t)sizeof(uint64_t))
        address = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return address == MAP_FAILED ? NULL : (_Atomic uint64_t*)address;
}

static Slapi_PluginDesc description = {"adshape", "scpd", "1", "AD's behaviour on writes"};

int adshape_init(Slapi_PBlock* pb);

int adshape_init(Slapi_PBlock* pb) {
    int count = 0;
    char** arguments = NULL;
    slapi_pblock_get(pb, SLAPI_PLUGIN_ARGC, &count);
    slapi_pblock_get(pb, SLAPI_PLUGIN_ARGV, &arguments);
    if (count != 2 || !(usn_counter = map_counter(arguments[0]))) {
        fprintf(stderr, "adshape: needs a USN file of 8 bytes and the schema's DN\n");
        return -1;
    }
    schema_dn = strdup(arguments[1]);
    int failed = 0;
    failed |= slapi_pblock_set(pb, SLAPI_PLUGIN_VERSION, SLAPI_PLUGIN_VERSION_03);
    failed |= slapi_pblock_set(pb, SLAPI_PLUGIN_DESCRIPTION, &description);
    failed |= slapi_pblock_set(pb, SLAPI_PLUGIN_PRE_ADD_FN, (void*)before_add);
    failed |= slapi_pblock_set(pb, SLAPI_PLUGIN_PRE_MODIFY_FN, (void*)before_modify);
    failed |= slapi_pblock_set(pb, SLAPI_PLUGIN_PRE_MODRDN_FN, (void*)before_modrdn);
    failed |= slapi_pblock_set(pb, SLAPI_PLUGIN_PRE_ENTRY_FN, (void*)before_entry);
    return failed || !schema_dn ? -1 : 0;
}
