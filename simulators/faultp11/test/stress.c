// stress MODULE SLOT PIN RULES ROUNDS: several threads use the module while its
// rule file changes ROUNDS times. What the calls answer does not matter, until
// the rules are gone: then everything works again. Meant for a module that is
// built with sanitizers, as this program is.
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "application.h"

enum { threads = 4 };

static const char *const rules[] = {
	"",
	"C_GenerateRandom every 3 -> return CKR_DEVICE_ERROR\n",
	"C_* every 7 -> lose session\n",
	"C_GenerateRandom every 50 -> lose sessions\nC_OpenSession open 3 -> return CKR_SESSION_COUNT\n",
	"C_SignInit every 5 -> lose login\n",
	"C_SignInit every 9 -> handles invalid\n",
	"C_* -> handles shuffle\n",
	"C_* -> handles confuse\nC_Sign -> flip\n",
	"C_Sign -> token absent\n",
	"C_* -> token gone\n",
	"C_FindObjects -> keep 1\nC_GetAttributeValue -> size +8\nC_Sign -> truncate 4\n",
	"C_GenerateRandom -> hang\n",
	"C_Sign for 5ms -> call, delay 1ms\nthis is no rule\n",
	"C_GetSlotList -> slots empty\nC_GetTokenInfo -> token as label=other\n",
};

static const CK_FUNCTION_LIST *module;
static CK_SLOT_ID slot;
static CK_UTF8CHAR *pin;
static atomic_bool done;

static void sign(CK_SESSION_HANDLE session)
{
	struct {
		CK_ULONG type;
		void *parameter;
		CK_ULONG length;
	} ecdsa = {0x1041, NULL, 0};
	CK_ULONG class = 3; // CKO_PRIVATE_KEY
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
	CK_OBJECT_HANDLE keys[4];
	CK_BYTE digest[32] = {1}, signature[64], label[16];
	CK_ULONG n = 0, length = sizeof signature;

	if (module->C_FindObjectsInit(session, &template, 1) != CKR_OK)
		return;
	CK_RV found = module->C_FindObjects(session, keys, 4, &n);
	module->C_FindObjectsFinal(session);
	if (found != CKR_OK || n == 0)
		return;
	template = (CK_ATTRIBUTE){3 /* CKA_LABEL */, label, sizeof label};
	module->C_GetAttributeValue(session, keys[0], &template, 1);
	if (module->C_SignInit(session, &ecdsa, keys[0]) == CKR_OK)
		module->C_Sign(session, digest, sizeof digest, signature, &length);
}

static void *work(void *unused)
{
	(void)unused;
	while (!atomic_load(&done)) {
		CK_SESSION_HANDLE session;
		CK_BYTE random[32];
		CK_SLOT_ID slots[4];
		CK_TOKEN_INFO info;
		CK_ULONG n = 4;

		module->C_GetSlotList(CK_TRUE, slots, &n);
		module->C_GetTokenInfo(slot, &info);
		if (module->C_OpenSession(slot, CKF_SERIAL_SESSION | 2, NULL, NULL, &session) != CKR_OK)
			continue;
		module->C_Login(session, 1, pin, strlen((const char *)pin));
		for (int i = 0; i < 4; i++) {
			module->C_GenerateRandom(session, random, sizeof random);
			sign(session);
		}
		module->C_CloseSession(session);
	}
	return NULL;
}

static void set(const char *path, const char *text)
{
	char new[4096];

	snprintf(new, sizeof new, "%s.new", path);
	FILE *file = fopen(new, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || rename(new, path) != 0) {
		fprintf(stderr, "%s cannot be written\n", path);
		exit(2);
	}
}

static void make_keys(void)
{
	struct {
		CK_ULONG type;
		void *parameter;
		CK_ULONG length;
	} generate = {0x1040, NULL, 0};
	CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = {{1, &yes, 1}, {0x180, p256, sizeof p256}}, private[] = {{1, &yes, 1}, {0x108, &yes, 1}, {3, "key", 3}};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE made[2];

	check("opening a session", module->C_OpenSession(slot, CKF_SERIAL_SESSION | 2, NULL, NULL, &session));
	check("logging in", module->C_Login(session, 1, pin, strlen((const char *)pin)));
	for (int i = 0; i < 3; i++)
		check("making keys", module->C_GenerateKeyPair(session, &generate, public, 2, private, 3, &made[0], &made[1]));
	check("closing the session", module->C_CloseSession(session));
}

int main(int argc, char **argv)
{
	pthread_t thread[threads];
	struct initialize_args args = {.flags = 2};

	if (argc != 6)
		return 2;
	slot = strtoul(argv[2], NULL, 10);
	pin = (CK_UTF8CHAR *)argv[3];
	set(argv[4], "");
	module = load(argv[1]);
	make_keys();
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < atoi(argv[5]); i++) {
		set(argv[4], rules[(size_t)i % (sizeof rules / sizeof *rules)]);
		usleep(20000);
	}
	set(argv[4], "");
	atomic_store(&done, true);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	usleep(20000); // the rules go without being announced
	check("finalising", module->C_Finalize(NULL));
	check("initialising", module->C_Initialize(&args));
	make_keys();
	check("finalising", module->C_Finalize(NULL));
	return 0;
}
