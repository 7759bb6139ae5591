package cli

import "github.com/alecthomas/kong"

const description = `Works on Gatehouse, or any service that speaks its API: keys, groups, HSMs, applications, and what keys are for.

Log in, then work; the session is kept for the next command:

    gatehouse-cli --api-endpoint https://keys.example.com:8443 --ssl-ca-cert ca.pem user-login --username admin@example.com
    gatehouse-cli list-groups
    gatehouse-cli create-key --obj-type AES --key-size 256 --name invoices --group-id payments
    gatehouse-cli logout

Verbs print tables for people, or with --json what the service has answered.`

// titles are the headings of the verbs in the help.
var titles = kong.Groups{
	"session": "Sessions:", "keys": "Keys:", "life": "The life of a key:", "crypto": "Using keys:", "parts": "Files in parts, and many files at once:",
	"approval": "Approvals:", "groups": "Groups and HSMs:", "apps": "Apps:", "people": "Users and accounts:", "service": "The service:",
	"plugins": "Not in Gatehouse:", "global": "Flags of every verb:",
}

// Grammar is every verb with its flags.
type Grammar struct {
	Globals `embed:""`

	AppLogin            appLogin            `cmd:"" group:"session" help:"Log in as an app, with its API key."`
	AppCertificateLogin appCertificateLogin `cmd:"" group:"session" help:"Log in as an app, with a certificate."`
	UserLogin           userLogin           `cmd:"" group:"session" help:"Log in as a user, with a password."`
	SelectAccount       selectAccountVerb   `cmd:"" group:"session" help:"Work in another account of the user."`
	AppLogout           appLogout           `cmd:"" group:"session" help:"End the app's session."`
	UserLogout          userLogout          `cmd:"" group:"session" help:"End the user's session."`
	Logout              logout              `cmd:"" group:"session" help:"End both sessions."`

	CreateKey    createKey    `cmd:"" group:"keys" help:"Make a key; in an HSM group, in the HSM."`
	ImportKey    importKey    `cmd:"" group:"keys" help:"Take a key in."`
	ImportCert   importCert   `cmd:"" group:"keys" help:"Take a certificate in."`
	ImportSecret importSecret `cmd:"" group:"keys" help:"Take a secret in, which can be exported again."`
	PersistKey   persistKey   `cmd:"" group:"keys" help:"Store a transient key."`
	CopyKey      copyKey      `cmd:"" group:"keys" help:"Copy a key, as into another group."`
	ListKeys     listKeys     `cmd:"" group:"keys" help:"List keys."`
	ListObjects  listObjects  `cmd:"" group:"keys" help:"List keys, certificates and other objects."`
	ShowSobject  showSobject  `cmd:"" group:"keys" help:"Show what is known about a key."`
	UpdateObject updateObject `cmd:"" group:"keys" help:"Change what is known about a key."`
	ExportObject exportObject `cmd:"" group:"keys" help:"Write out the value of a key that may be exported."`
	KCV          kcv          `cmd:"" group:"keys" help:"Show the key check value of a symmetric key." name:"kcv"`

	ActivateObject activateObject `cmd:"" group:"life" help:"Activate a key."`
	RotateKey      rotateKey      `aliases:"rekey" cmd:"" group:"life" help:"Make a new key in the place of another, which is kept under a new name."`
	ReplaceKey     replaceKey     `cmd:"" group:"life" help:"Put an existing key in the place of another."`
	KeyHistory     keyHistory     `cmd:"" group:"life" help:"List the changes of a key that can be undone."`
	RevertObject   revertObject   `cmd:"" group:"life" help:"Undo changes of a key."`
	RevokeObject   revokeObject   `cmd:"" group:"life" help:"Revoke a key: it protects nothing any more."`
	RemovePrivate  removePrivate  `cmd:"" group:"life" help:"Destroy the private half of a key; the public half stays."`
	DestroyObject  destroyObject  `cmd:"" group:"life" help:"Destroy a key's material; what is known about it stays."`
	DeleteKey      deleteKey      `cmd:"" group:"life" help:"Delete a key."`

	Encrypt       encrypt        `cmd:"" group:"crypto" help:"Encrypt a file."`
	Decrypt       decrypt        `cmd:"" group:"crypto" help:"Decrypt a file."`
	Sign          sign           `cmd:"" group:"crypto" help:"Sign a file."`
	Verify        verify         `cmd:"" group:"crypto" help:"Verify a file's signature."`
	MessageDigest messageDigest  `cmd:"" group:"crypto" help:"Make the digest of a file."`
	HMACDigest    hmacDigest     `cmd:"" group:"crypto" help:"Make a MAC of a file." name:"hmac-digest"`
	HMACVerify    hmacVerify     `cmd:"" group:"crypto" help:"Verify a file's MAC." name:"hmac-verify"`
	WrapKey       wrapKey        `cmd:"" group:"crypto" help:"Wrap a key with another."`
	UnwrapKey     unwrapKey      `cmd:"" group:"crypto" help:"Make a key of a wrapped one."`
	DeriveKey     deriveKey      `cmd:"" group:"crypto" help:"Derive a key from another."`
	AgreeKey      agreeKey       `cmd:"" group:"crypto" help:"Agree on a key with another side (Diffie-Hellman)."`
	Encapsulate   encapsulateKey `cmd:"" group:"crypto" help:"Make a key, and the ciphertext of it for another side (ML-KEM)." name:"encapsulate-key"`
	Decapsulate   decapsulateKey `cmd:"" group:"crypto" help:"Make the key that another side has encapsulated." name:"decapsulate-key"`
	Random        random         `cmd:"" group:"crypto" help:"Get random bytes."`

	EncryptInit   encryptInit   `cmd:"" group:"parts" help:"Begin to encrypt in parts."`
	EncryptUpdate encryptUpdate `cmd:"" group:"parts" help:"Encrypt the next part."`
	EncryptFinal  encryptFinal  `cmd:"" group:"parts" help:"End an encryption in parts."`
	DecryptInit   decryptInit   `cmd:"" group:"parts" help:"Begin to decrypt in parts."`
	DecryptUpdate decryptUpdate `cmd:"" group:"parts" help:"Decrypt the next part."`
	DecryptFinal  decryptFinal  `cmd:"" group:"parts" help:"End a decryption in parts."`
	BatchEncrypt  batchEncrypt  `cmd:"" group:"parts" help:"Encrypt several files in one request."`
	BatchDecrypt  batchDecrypt  `cmd:"" group:"parts" help:"Decrypt several files in one request."`
	BatchSign     batchSign     `cmd:"" group:"parts" help:"Sign several files in one request."`
	BatchVerify   batchVerify   `cmd:"" group:"parts" help:"Verify several signatures in one request."`

	TaskResult taskResult `cmd:"" group:"approval" help:"Tell how an approval request stands, and get the result of an approved one."`

	ListGroups       listGroups       `cmd:"" group:"groups" help:"List groups."`
	ShowGroup        showGroup        `cmd:"" group:"groups" help:"Show a group and its connections."`
	CreateGroup      createGroup      `cmd:"" group:"groups" help:"Make a group; with a connection, an HSM group."`
	UpdateGroup      updateGroup      `cmd:"" group:"groups" help:"Change a group."`
	DeleteGroup      deleteGroup      `cmd:"" group:"groups" help:"Delete a group that holds no keys."`
	Connections      connections      `cmd:"" group:"groups" help:"List the connections of an HSM group with their states."`
	TestConnection   testConnection   `cmd:"" group:"groups" help:"Test a connection, saved or not."`
	AddConnection    addConnection    `cmd:"" group:"groups" help:"Add a connection to a group."`
	UpdateConnection updateConnection `cmd:"" group:"groups" help:"Change a connection."`
	DeleteConnection deleteConnection `cmd:"" group:"groups" help:"Take a connection from a group."`
	SyncKeys         syncKeys         `cmd:"" group:"groups" help:"Bring the virtual keys of a group in line with its HSM."`
	SyncPlan         syncPlan         `cmd:"" group:"groups" help:"Tell what a sync would do, and do nothing."`
	SyncHistory      syncHistory      `cmd:"" group:"groups" help:"List the syncs of a group, with what they have found."`
	CancelSync       cancelSync       `cmd:"" group:"groups" help:"Cancel a sync that runs; what it has recorded is kept."`

	ListApps            listApps            `cmd:"" group:"apps" help:"List apps."`
	ShowApp             showApp             `cmd:"" group:"apps" help:"Show an app."`
	CreateApp           createApp           `cmd:"" group:"apps" help:"Make an app."`
	DeleteApp           deleteApp           `cmd:"" group:"apps" help:"Delete an app; its sessions end."`
	GetAppAPIKey        getAppAPIKey        `cmd:"" group:"apps" help:"Tell the API key of an app." name:"get-app-api-key"`
	RegenerateAppAPIKey regenerateAppAPIKey `cmd:"" group:"apps" help:"Give an app another API key, and tell it." name:"regenerate-app-api-key"`

	ListAccounts   listAccounts   `cmd:"" group:"people" help:"List the accounts of the user."`
	ShowAccount    showAccount    `cmd:"" group:"people" help:"Show an account."`
	CreateAccount  createAccount  `cmd:"" group:"people" help:"Make an account."`
	ListUsers      listUsers      `cmd:"" group:"people" help:"List the users of the account."`
	ShowUser       showUser       `cmd:"" group:"people" help:"Show a user."`
	CreateUser     createUser     `cmd:"" group:"people" help:"Make a user of the account."`
	DeleteUser     deleteUser     `cmd:"" group:"people" help:"Remove a user from the account."`
	ChangePassword changePassword `cmd:"" group:"people" help:"Give oneself a new password; one's sessions end."`

	ServerVersion serverVersion `cmd:"" group:"service" help:"Tell what answers."`
	ServerHealth  serverHealth  `cmd:"" group:"service" help:"Tell whether the service is well."`
	Completion    completion    `cmd:"" group:"service" help:"Write the script that completes command lines in a shell."`

	CreatePlugin plugin `cmd:"" group:"plugins" help:"Refused: Gatehouse has no plugins."`
	UpdatePlugin plugin `cmd:"" group:"plugins" help:"Refused: Gatehouse has no plugins."`
	DeletePlugin plugin `cmd:"" group:"plugins" help:"Refused: Gatehouse has no plugins."`
	InvokePlugin plugin `cmd:"" group:"plugins" help:"Refused: Gatehouse has no plugins."`
}

// Root returns the grammar, for programs that embed it among verbs of their own.
func (g *Grammar) Root() *Grammar { return g }
