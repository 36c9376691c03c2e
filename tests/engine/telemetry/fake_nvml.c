/* A graphics driver that says what a file says: just enough of NVML to exercise the real Python binding.
 *
 * $FAKE_NVML holds lines of "key value" and is read again at every call, so a test can change the machine while it runs.
 * Keys are "init", "count" and "<card>.<what>". A value "!15" makes the call return code 15, "@" makes it hang until
 * the file says something else, "~20 7" makes it take 20 ms and answer 7, a missing key means "not supported", and
 * "<card>.lost 1" loses the card. "<card>.field82" is a field value, "<card>.instance0" the UUID of a MIG instance.
 * Every question is appended to $FAKE_NVML_LOG, so a test can count how often the driver was asked.
 * -DOLD_DRIVER leaves out what drivers before 2020 did not have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_SUPPORTED = 3, NOT_FOUND = 6, LOST = 15, VERSION_MISMATCH = 25 };
typedef unsigned int uint;
typedef unsigned long long ull;
typedef struct { uint version, fan, speed; } FanSpeed;
typedef struct { uint version, sensor; int temperature; } Temperature;
typedef struct { uint version; int margin; } Margin;
typedef struct { uint gpu, memory; } Utilization;
typedef struct { ull total, free, used; } Memory;
typedef struct {
    uint id, scope;
    long long timestamp, latency;
    int type, code;
    union { double d; uint ui; ull ull; } value;
} FieldValue;

static int find(const char *key, char *value) {
    char line[256], name[128];
    FILE *file = fopen(getenv("FAKE_NVML"), "r");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "%127s %127[^\n]", name, value) == 2 && !strcmp(name, key);
    if (file) fclose(file);
    return found;
}

static int say(const char *key, char *value) {
    FILE *log = getenv("FAKE_NVML_LOG") ? fopen(getenv("FAKE_NVML_LOG"), "a") : NULL;
    if (log) { fprintf(log, "%s\n", key); fclose(log); }
    if (!find(key, value)) return NOT_SUPPORTED;
    while (value[0] == '@') { usleep(2000); if (!find(key, value)) return NOT_SUPPORTED; }
    if (value[0] == '~') {
        usleep(1000 * (uint)atoi(value + 1));
        memmove(value, strchr(value, ' ') + 1, strlen(strchr(value, ' ')));
    }
    return value[0] == '!' ? atoi(value + 1) : 0;
}

static int card_say(void *card, const char *what, char *value) {
    char key[64];
    int number = ((int)(long)card & 0xFF) - 1;  /* the bits above it are an instance */
    snprintf(key, sizeof key, "%d.lost", number);
    if (find(key, value) && value[0] == '1') return LOST;
    snprintf(key, sizeof key, "%d.%s", number, what);
    return say(key, value);
}

static int card_number(void *card, const char *what, ull *number) {
    char value[128];
    int code = card_say(card, what, value);
    if (!code) *number = strtoull(value, NULL, 0);
    return code;
}

static int card_text(void *card, const char *what, char *buffer, uint size) {
    char value[128];
    int code = card_say(card, what, value);
    if (!code) snprintf(buffer, size, "%s", value);
    return code;
}

static int card_uint(void *card, const char *what, uint *out) {
    ull number = 0;
    int code = card_number(card, what, &number);
    if (!code) *out = (uint)number;
    return code;
}

int nvmlInitWithFlags(uint flags) { char value[128]; (void)flags; return find("init", value) ? say("init", value) : 0; }
int nvmlShutdown(void) { char value[128]; say("shutdown", value); return 0; }
int nvmlDeviceGetCount_v2(uint *count) {
    char value[128];
    int code = say("count", value);
    if (!code) *count = (uint)atoi(value);
    return code;
}
int nvmlDeviceGetHandleByIndex_v2(uint index, void **card) { *card = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetName(void *card, char *name, uint size) { return card_text(card, "name", name, size); }
int nvmlDeviceGetUUID(void *card, char *uuid, uint size) {
    char what[32] = "uuid";
    if ((long)card >> 8) snprintf(what, sizeof what, "instance%d", (int)((long)card >> 8) - 1);
    return card_text(card, what, uuid, size);
}
int nvmlDeviceGetUtilizationRates(void *card, Utilization *out) { return card_uint(card, "utilization", &out->gpu); }
int nvmlDeviceGetMemoryInfo(void *card, Memory *out) {
    int code = card_number(card, "memory_total", &out->total);
    return code ? code : card_number(card, "memory_used", &out->used);
}
int nvmlDeviceGetTemperature(void *card, uint sensor, uint *out) { (void)sensor; return card_uint(card, "temperature", out); }
int nvmlDeviceGetTemperatureThreshold(void *card, uint kind, uint *out) {
    return kind == 1 ? card_uint(card, "slowdown", out) : NOT_SUPPORTED;
}
int nvmlDeviceGetPowerUsage(void *card, uint *out) { return card_uint(card, "power", out); }
int nvmlDeviceGetEnforcedPowerLimit(void *card, uint *out) { return card_uint(card, "power_limit", out); }
int nvmlDeviceGetClockInfo(void *card, uint kind, uint *out) { return kind == 1 ? card_uint(card, "clock", out) : NOT_SUPPORTED; }
int nvmlDeviceGetMaxClockInfo(void *card, uint kind, uint *out) { return kind == 1 ? card_uint(card, "max_clock", out) : NOT_SUPPORTED; }
int nvmlDeviceGetFanSpeed(void *card, uint *out) { return card_uint(card, "fan0", out); }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *card, ull *out) { return card_number(card, "throttle", out); }

#ifndef OLD_DRIVER
int nvmlDeviceGetTemperatureV(void *card, Temperature *out) {
    uint celsius = 0;
    int code = out->version == 0x100000C ? card_uint(card, "temperature", &celsius) : VERSION_MISMATCH;
    if (!code) out->temperature = (int)celsius;
    return code;
}
int nvmlDeviceGetMarginTemperature(void *card, Margin *out) {
    uint celsius = 0;
    int code = card_uint(card, "margin", &celsius);
    if (!code) out->margin = (int)celsius;
    return code;
}
int nvmlDeviceGetNumFans(void *card, uint *out) { return card_uint(card, "fans", out); }
int nvmlDeviceGetFanSpeed_v2(void *card, uint fan, uint *out) {
    char what[16];
    snprintf(what, sizeof what, "fan%u", fan);
    return card_uint(card, what, out);
}
int nvmlDeviceGetFanSpeedRPM(void *card, FanSpeed *out) {
    char what[16];
    snprintf(what, sizeof what, "rpm%u", out->fan);
    return out->version == 0x100000C ? card_uint(card, what, &out->speed) : VERSION_MISMATCH;
}
int nvmlDeviceGetCurrentClocksEventReasons(void *card, ull *out) { return card_number(card, "throttle", out); }
int nvmlDeviceGetTotalEnergyConsumption(void *card, ull *out) { return card_number(card, "energy", out); }
int nvmlDeviceGetMigMode(void *card, uint *current, uint *pending) {
    int code = card_uint(card, "mig", current);
    *pending = *current;
    return code;
}
int nvmlDeviceGetMaxMigDeviceCount(void *card, uint *out) { return card_uint(card, "instances", out); }
int nvmlDeviceGetMigDeviceHandleByIndex(void *card, uint instance, void **out) {
    char what[32], value[128];
    snprintf(what, sizeof what, "instance%u", instance);
    *out = (void *)((long)card | ((long)instance + 1) << 8);
    return card_say(card, what, value) ? NOT_FOUND : 0;
}
int nvmlDeviceGetFieldValues(void *card, int count, FieldValue *values) {
    char what[32], value[128];
    if (card_say(card, "fields", value) == LOST) return LOST;
    for (int i = 0; i < count; i++) {
        ull number = 0;
        snprintf(what, sizeof what, "field%u", values[i].id);
        values[i].code = card_number(card, what, &number);
        values[i].type = values[i].id == 82 ? 1 : 3;
        if (values[i].type == 1) values[i].value.ui = (uint)number;
        else values[i].value.ull = number;
    }
    return 0;
}
#endif
