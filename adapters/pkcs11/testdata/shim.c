// A PKCS#11 library in front of another, for tests: it hangs, fails and lies as
// it is told. SHIM_LIBRARY names the library behind it, SHIM_CONTROL a file of
// 4096 bytes that a test maps too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef unsigned char byte_t;
typedef struct { ulong_t type; void *value; ulong_t len; } attribute;

// The functions that are intercepted, by their place in CK_FUNCTION_LIST.
enum {
	Initialize = 0, Finalize = 1, GetInfo = 2, GetSlotList = 4, GetSlotInfo = 5, GetTokenInfo = 6, OpenSession = 12, CloseSession = 13, CloseAllSessions = 14, GetSessionInfo = 15,
	Login = 18, Logout = 19, CreateObject = 20, CopyObject = 21, DestroyObject = 22, GetAttributeValue = 24, SetAttributeValue = 25,
	FindObjectsInit = 26, FindObjects = 27, EncryptInit = 29, Encrypt = 30, DecryptInit = 33,
	DigestInit = 37, Digest = 38, SignInit = 42, Sign = 43, VerifyInit = 48, Verify = 49,
	GenerateKey = 58, WrapKey = 60, UnwrapKey = 61, DeriveKey = 62, GenerateRandom = 64,
};

// What is done with the next calls of a function: count times, or always when negative.
enum { PASS, HANG, FAIL, FAIL_AFTER, TOO_SMALL_ONCE, ABSURD_LENGTH, STOP_AT_FIRST, CORRUPT };

struct rule { volatile int32_t action, count; volatile uint64_t rv; };

// What tests map too: rules by function, how often each was called, how many
// sessions are open, and two objects of which each is the other from now on.
struct control {
	struct rule rules[68];
	volatile uint64_t calls[68];
	volatile int64_t sessions;
	volatile uint64_t swapped[2], only; // only: for one function; 0: for all
	volatile uint64_t thread, others;   // the first that called, and how often others did
	volatile uint64_t from, once;       // from: swapped from the next call of this function on, once: for that call alone
	volatile uint64_t hung, freed;      // how many calls have hung, and how many of these, in order, may go on
};

static struct { byte_t major, minor; void *f[68]; } list;
static void **real;
static struct control *control;

static int take(int fn, int *action, ulong_t *rv)
{
	struct rule *r = &control->rules[fn];
	__atomic_add_fetch(&control->calls[fn], 1, __ATOMIC_SEQ_CST);
	uint64_t nobody = 0, thread = (uint64_t)gettid();
	if (!__atomic_compare_exchange_n(&control->thread, &nobody, thread, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) && nobody != thread)
		__atomic_add_fetch(&control->others, 1, __ATOMIC_SEQ_CST);
	*action = __atomic_load_n(&r->action, __ATOMIC_SEQ_CST);
	*rv = r->rv;
	if (*action == PASS)
		return 0;
	int32_t left = __atomic_load_n(&r->count, __ATOMIC_SEQ_CST);
	while (left > 0 && !__atomic_compare_exchange_n(&r->count, &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	if (left == 1)
		__atomic_store_n(&r->action, PASS, __ATOMIC_SEQ_CST);
	if (left == 0) { // another thread has taken the last one
		*action = PASS;
		return 0;
	}
	if (*action == HANG) {
		uint64_t me = __atomic_add_fetch(&control->hung, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&control->freed, __ATOMIC_SEQ_CST) < me)
			usleep(1000);
		return 0;
	}
	return *action == FAIL;
}

// meant returns the object that a handle means: while two are swapped, each other's.
static ulong_t meant(int fn, ulong_t o)
{
	if (control->only != 0 && control->only != (uint64_t)fn)
		return o;
	ulong_t a = control->swapped[0], b = control->swapped[1];
	if (control->from != 0) {
		if (control->from != (uint64_t)fn)
			return o;
		control->from = 0;
		if (control->once)
			control->swapped[0] = control->swapped[1] = 0;
	}
	return a == b ? o : o == a ? b : o == b ? a : o;
}

#define ENTER(fn) int action; ulong_t rv; if (take(fn, &action, &rv)) return rv
#define LEAVE(result) ulong_t got = (result); return action == FAIL_AFTER ? rv : got

typedef ulong_t f2(ulong_t, ulong_t);
typedef ulong_t f3(ulong_t, void *, ulong_t);
typedef ulong_t f4(ulong_t, void *, ulong_t, ulong_t *);
typedef ulong_t f5(ulong_t, byte_t *, ulong_t, byte_t *, ulong_t *);

static ulong_t initialize(void *args)
{
	ENTER(Initialize);
	LEAVE(((ulong_t(*)(void *))real[Initialize])(args));
}

static ulong_t getinfo(void *info)
{
	ENTER(GetInfo);
	LEAVE(((ulong_t(*)(void *))real[GetInfo])(info));
}

static ulong_t slotinfo(ulong_t slot, void *info)
{
	ENTER(GetSlotInfo);
	LEAVE(((ulong_t(*)(ulong_t, void *))real[GetSlotInfo])(slot, info));
}

static ulong_t finalize(void *reserved)
{
	ENTER(Finalize);
	control->sessions = 0;
	LEAVE(((ulong_t(*)(void *))real[Finalize])(reserved));
}

static ulong_t tokeninfo(ulong_t slot, void *info)
{
	ENTER(GetTokenInfo);
	ulong_t got = ((ulong_t(*)(ulong_t, void *))real[GetTokenInfo])(slot, info);
	if (action == CORRUPT && got == 0)
		memset(info, ' ', 32); // the label
	return action == FAIL_AFTER ? rv : got;
}

static ulong_t closesession(ulong_t s)
{
	ENTER(CloseSession);
	ulong_t got = ((ulong_t(*)(ulong_t))real[CloseSession])(s);
	if (got == 0)
		__atomic_sub_fetch(&control->sessions, 1, __ATOMIC_SEQ_CST);
	return action == FAIL_AFTER ? rv : got;
}

static ulong_t closeall(ulong_t slot)
{
	ENTER(CloseAllSessions);
	control->sessions = 0;
	LEAVE(((ulong_t(*)(ulong_t))real[CloseAllSessions])(slot));
}

static ulong_t sessioninfo(ulong_t s, void *info)
{
	ENTER(GetSessionInfo);
	LEAVE(((ulong_t(*)(ulong_t, void *))real[GetSessionInfo])(s, info));
}

static ulong_t logout(ulong_t s)
{
	ENTER(Logout);
	LEAVE(((ulong_t(*)(ulong_t))real[Logout])(s));
}

static ulong_t slots(byte_t present, ulong_t *out, ulong_t *n)
{
	ENTER(GetSlotList);
	ulong_t got = ((ulong_t(*)(byte_t, ulong_t *, ulong_t *))real[GetSlotList])(present, out, n);
	if (action == ABSURD_LENGTH)
		*n = ~0UL / 16;
	return got;
}

static ulong_t opensession(ulong_t slot, ulong_t flags, void *app, void *notify, ulong_t *s)
{
	ENTER(OpenSession);
	ulong_t got = ((ulong_t(*)(ulong_t, ulong_t, void *, void *, ulong_t *))real[OpenSession])(slot, flags, app, notify, s);
	if (got == 0)
		__atomic_add_fetch(&control->sessions, 1, __ATOMIC_SEQ_CST);
	return action == FAIL_AFTER ? rv : got;
}

static ulong_t login(ulong_t s, ulong_t user, void *pin, ulong_t n)
{
	ENTER(Login);
	LEAVE(((ulong_t(*)(ulong_t, ulong_t, void *, ulong_t))real[Login])(s, user, pin, n));
}

static ulong_t create(ulong_t s, void *t, ulong_t n, ulong_t *o)
{
	ENTER(CreateObject);
	LEAVE(((f4 *)real[CreateObject])(s, t, n, o));
}

static ulong_t copy(ulong_t s, ulong_t o, void *t, ulong_t n, ulong_t *made)
{
	ENTER(CopyObject);
	LEAVE(((ulong_t(*)(ulong_t, ulong_t, void *, ulong_t, ulong_t *))real[CopyObject])(s, meant(CopyObject, o), t, n, made));
}

static ulong_t destroy(ulong_t s, ulong_t o)
{
	ENTER(DestroyObject);
	LEAVE(((f2 *)real[DestroyObject])(s, meant(DestroyObject, o)));
}

static ulong_t get(ulong_t s, ulong_t o, attribute *t, ulong_t n)
{
	typedef ulong_t fn(ulong_t, ulong_t, attribute *, ulong_t);
	ENTER(GetAttributeValue);
	if (action == STOP_AT_FIRST) {
		for (ulong_t i = 0; i < n; i++) {
			ulong_t got = ((fn *)real[GetAttributeValue])(s, meant(GetAttributeValue, o), &t[i], 1);
			if (got != 0)
				return got;
		}
		return 0;
	}
	ulong_t got = ((fn *)real[GetAttributeValue])(s, meant(GetAttributeValue, o), t, n);
	for (ulong_t i = 0; action == CORRUPT && i < n; i++) // of what is longer than a number, as a key is
		if (t[i].value != NULL && t[i].len != ~0UL && t[i].len > sizeof(ulong_t))
			((byte_t *)t[i].value)[t[i].len / 2] ^= 1;
	if (action == ABSURD_LENGTH)
		for (ulong_t i = 0; i < n; i++)
			t[i].len = ~0UL / 2 - i;
	return got;
}

static ulong_t set(ulong_t s, ulong_t o, void *t, ulong_t n)
{
	ENTER(SetAttributeValue);
	LEAVE(((ulong_t(*)(ulong_t, ulong_t, void *, ulong_t))real[SetAttributeValue])(s, meant(SetAttributeValue, o), t, n));
}

static ulong_t findinit(ulong_t s, void *t, ulong_t n)
{
	ENTER(FindObjectsInit);
	LEAVE(((f3 *)real[FindObjectsInit])(s, t, n));
}

static ulong_t find(ulong_t s, ulong_t *out, ulong_t max, ulong_t *n)
{
	ENTER(FindObjects);
	ulong_t got = ((f4 *)real[FindObjects])(s, out, max, n);
	for (ulong_t i = 0; got == 0 && i < *n; i++)
		out[i] = meant(FindObjects, out[i]);
	if (action == ABSURD_LENGTH)
		*n = ~0UL / 16;
	return action == FAIL_AFTER ? rv : got;
}

static ulong_t step(int fn, ulong_t s, byte_t *in, ulong_t inlen, byte_t *out, ulong_t *outlen)
{
	ENTER(fn);
	if (action == TOO_SMALL_ONCE) {
		*outlen = inlen + 4096;
		return 0x150;
	}
	ulong_t got = ((f5 *)real[fn])(s, in, inlen, out, outlen);
	if (action == ABSURD_LENGTH)
		*outlen = ~0UL / 2;
	if (action == CORRUPT && out != NULL && got == 0)
		out[0] ^= 1;
	return action == FAIL_AFTER ? rv : got;
}

static ulong_t encrypt(ulong_t s, byte_t *in, ulong_t inlen, byte_t *out, ulong_t *outlen) { return step(Encrypt, s, in, inlen, out, outlen); }
static ulong_t sign(ulong_t s, byte_t *in, ulong_t inlen, byte_t *out, ulong_t *outlen) { return step(Sign, s, in, inlen, out, outlen); }

static ulong_t verify(ulong_t s, byte_t *in, ulong_t inlen, byte_t *sig, ulong_t siglen)
{
	ENTER(Verify);
	LEAVE(((ulong_t(*)(ulong_t, byte_t *, ulong_t, byte_t *, ulong_t))real[Verify])(s, in, inlen, sig, siglen));
}

static ulong_t encryptinit(ulong_t s, void *m, ulong_t key)
{
	ENTER(EncryptInit);
	LEAVE(((f3 *)real[EncryptInit])(s, m, meant(EncryptInit, key)));
}

static ulong_t signinit(ulong_t s, void *m, ulong_t key)
{
	ENTER(SignInit);
	LEAVE(((f3 *)real[SignInit])(s, m, meant(SignInit, key)));
}

static ulong_t decryptinit(ulong_t s, void *m, ulong_t key)
{
	ENTER(DecryptInit);
	LEAVE(((f3 *)real[DecryptInit])(s, m, meant(DecryptInit, key)));
}

static ulong_t verifyinit(ulong_t s, void *m, ulong_t key)
{
	ENTER(VerifyInit);
	LEAVE(((f3 *)real[VerifyInit])(s, m, meant(VerifyInit, key)));
}

static ulong_t digestinit(ulong_t s, void *m)
{
	ENTER(DigestInit);
	LEAVE(((ulong_t(*)(ulong_t, void *))real[DigestInit])(s, m));
}

static ulong_t digest(ulong_t s, byte_t *in, ulong_t inlen, byte_t *out, ulong_t *outlen) { return step(Digest, s, in, inlen, out, outlen); }

static ulong_t generate(ulong_t s, void *m, void *t, ulong_t n, ulong_t *key)
{
	ENTER(GenerateKey);
	LEAVE(((ulong_t(*)(ulong_t, void *, void *, ulong_t, ulong_t *))real[GenerateKey])(s, m, t, n, key));
}

static ulong_t wrap(ulong_t s, void *m, ulong_t with, ulong_t key, byte_t *out, ulong_t *outlen)
{
	ENTER(WrapKey);
	LEAVE(((ulong_t(*)(ulong_t, void *, ulong_t, ulong_t, byte_t *, ulong_t *))real[WrapKey])(s, m, with, key, out, outlen));
}

static ulong_t unwrap(ulong_t s, void *m, ulong_t with, byte_t *in, ulong_t inlen, void *t, ulong_t n, ulong_t *key)
{
	ENTER(UnwrapKey);
	LEAVE(((ulong_t(*)(ulong_t, void *, ulong_t, byte_t *, ulong_t, void *, ulong_t, ulong_t *))real[UnwrapKey])(s, m, with, in, inlen, t, n, key));
}

static ulong_t derive(ulong_t s, void *m, ulong_t base, void *t, ulong_t n, ulong_t *key)
{
	ENTER(DeriveKey);
	LEAVE(((ulong_t(*)(ulong_t, void *, ulong_t, void *, ulong_t, ulong_t *))real[DeriveKey])(s, m, base, t, n, key));
}

static ulong_t randomise(ulong_t s, byte_t *out, ulong_t n)
{
	ENTER(GenerateRandom);
	LEAVE(((ulong_t(*)(ulong_t, byte_t *, ulong_t))real[GenerateRandom])(s, out, n));
}

ulong_t C_GetFunctionList(void **out)
{
	if (real == NULL) {
		struct { byte_t major, minor; void *f[68]; } *behind = NULL;
		ulong_t (*get_list)(void *) = NULL;
		void *handle = dlopen(getenv("SHIM_LIBRARY"), RTLD_NOW);
		int fd = open(getenv("SHIM_CONTROL"), O_RDWR);
		if (handle == NULL || fd < 0)
			return 5;
		*(void **)&get_list = dlsym(handle, "C_GetFunctionList");
		control = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (control == MAP_FAILED || get_list == NULL || get_list(&behind) != 0)
			return 5;
		memcpy(&list, behind, sizeof list);
		real = behind->f;
		list.f[Initialize] = initialize;
		list.f[GetInfo] = getinfo;
		list.f[GetSlotInfo] = slotinfo;
		list.f[Finalize] = finalize;
		list.f[GetTokenInfo] = tokeninfo;
		list.f[CloseSession] = closesession;
		list.f[CloseAllSessions] = closeall;
		list.f[GetSessionInfo] = sessioninfo;
		list.f[Logout] = logout;
		list.f[DecryptInit] = decryptinit;
		list.f[VerifyInit] = verifyinit;
		list.f[DigestInit] = digestinit;
		list.f[Digest] = digest;
		list.f[GetSlotList] = slots;
		list.f[OpenSession] = opensession;
		list.f[Login] = login;
		list.f[CreateObject] = create;
		list.f[CopyObject] = copy;
		list.f[DestroyObject] = destroy;
		list.f[GetAttributeValue] = get;
		list.f[SetAttributeValue] = set;
		list.f[FindObjectsInit] = findinit;
		list.f[FindObjects] = find;
		list.f[EncryptInit] = encryptinit;
		list.f[Encrypt] = encrypt;
		list.f[SignInit] = signinit;
		list.f[Sign] = sign;
		list.f[Verify] = verify;
		list.f[GenerateKey] = generate;
		list.f[WrapKey] = wrap;
		list.f[UnwrapKey] = unwrap;
		list.f[DeriveKey] = derive;
		list.f[GenerateRandom] = randomise;
	}
	*out = &list;
	return 0;
}
