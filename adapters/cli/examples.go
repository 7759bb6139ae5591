package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// teach puts the examples into the help.
func teach(k *kong.Kong) error {
	for _, n := range k.Model.Leaves(false) {
		if lines := Examples(n.Name); len(lines) > 0 {
			n.Detail = "For example:\n\n    " + strings.Join(lines, "\n    ")
		}
	}
	return nil
}

// Examples returns command lines that show a verb.
func Examples(verb string) []string {
	text := strings.TrimSpace(examples[verb])
	if text == "" {
		return nil
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, "gatehouse-cli "+strings.TrimSpace(line))
	}
	return lines
}

const uuid = "7c0c1b6e-52a5-4a31-8b6e-0f6b1d8f2a11"

// examples are command lines without the program's name.
var examples = map[string]string{
	"app-login": `--api-endpoint https://keys.example.com:8443 --ssl-ca-cert ca.pem --api-key-file invoices.key app-login
		app-login --api-key-file -`,
	"app-certificate-login": `app-certificate-login --app-id ` + uuid + ` --certificate-path app.pem --key-path app.key`,
	"user-login": `user-login
		user-login --username admin@example.com --account-name main
		user-login --username admin@example.com --password-file password`,
	"select-account": `select-account --account-id test`,
	"app-logout":     `app-logout`,
	"user-logout":    `user-logout`,
	"logout":         `logout`,
	"create-key": `create-key --obj-type AES --key-size 256 --name invoices --group-id payments
		create-key --obj-type EC --ec-name NistP256 --name signing --group-id hsm --key-ops SIGN,VERIFY
		create-key --obj-type MLDSA --param-set MlDsa65 --name post-quantum
		create-key --obj-type RSA --key-size 3072 --name transfer --exportable -f
		create-key --obj-type AES --key-size 256 --name once --transient`,
	"import-key": `import-key --in aes.hex --obj-type AES --name imported
		import-key --in private.pem --obj-type EC --name signing --group-id hsm
		import-key --in rsa.der --der --obj-type RSA --name transfer --key-ops DECRYPT,UNWRAPKEY`,
	"import-cert":   `import-cert --in server.pem --name server-certificate`,
	"import-secret": `import-secret --in password.txt --name database-password`,
	"persist-key":   `persist-key --transient-key-file once.key --name kept`,
	"copy-key":      `copy-key --name invoices --new-name invoices-copy --group-id archive`,
	"list-keys": `list-keys
		list-keys --group-id payments --obj-type AES --sort name:asc
		list-keys --all --json
		list-keys --filter '{"obj_type": {"$eq": "RSA"}}'`,
	"list-objects": `list-objects --limit 20 --offset 40`,
	"show-sobject": `show-sobject --name invoices
		show-sobject --kid ` + uuid + ` --json`,
	"update-object": `update-object --name invoices --description "For the invoices of 2027"
		update-object --name invoices --key-ops ENCRYPT,DECRYPT
		update-object --name invoices --rotate-every 90d
		update-object --name invoices --disable-export
		update-object --kid ` + uuid + ` --disable`,
	"export-object": `export-object --name database-password
		export-object --name transfer --out transfer.pem
		export-object --name transfer --quorum`,
	"kcv":             `kcv --name invoices`,
	"activate-object": `activate-object --name invoices`,
	"rotate-key": `rotate-key --name invoices
		rotate-key --name invoices --deactivate-rotated-key`,
	"replace-key":    `replace-key --name invoices --replacement-name invoices-2027 --replaced-new-name invoices-2026`,
	"revoke-object":  `revoke-object --name invoices --code KeyCompromise --message "Seen in a public repository"`,
	"remove-private": `remove-private --name signing -f`,
	"destroy-object": `destroy-object --name invoices -f`,
	"delete-key": `delete-key --kid ` + uuid + `
		delete-key --name invoices -f`,
	"encrypt": `encrypt --name invoices --mode GCM --in invoice.pdf --out invoice.enc
		encrypt --kid ` + uuid + ` --alg AES --mode CBC --iv 000102030405060708090a0b0c0d0e0f --in invoice.pdf --out invoice.enc
		encrypt --name transfer --mode OAEP-SHA256 --in key.bin --out key.enc`,
	"decrypt": `decrypt --name invoices --mode GCM --in invoice.enc --out invoice.pdf
		decrypt --name invoices --mode GCM --iv 000102030405060708090a0b --tag invoice.enc.tag --in invoice.enc --out invoice.pdf`,
	"sign": `sign --name signing --hash-alg SHA256 --in contract.pdf --out contract.sig
		sign --name post-quantum --in contract.pdf --out contract.sig
		sign --name transfer --hash-alg SHA256 --mode PSS-SHA256 --in contract.pdf --out contract.sig`,
	"verify":         `verify --name signing --hash-alg SHA256 --in contract.pdf --sig-in contract.sig`,
	"message-digest": `message-digest --alg SHA256 --in contract.pdf`,
	"hmac-digest":    `hmac-digest --name tags --alg SHA256 --in message.txt`,
	"hmac-verify":    `hmac-verify --name tags --alg SHA256 --in message.txt --digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
	"wrap-key": `wrap-key --wrapped-key-name cluster-master-key --wrapping-key-name transfer-key --alg RSA --out master.wrapped
		wrap-key --wrapped-key-name cluster-master-key --wrapping-key-name transfer-key --alg RSA --quorum
		wrap-key --kid ` + uuid + ` --wrapping-key-name kek --mode KW --out key.wrapped`,
	"unwrap-key": `unwrap-key --in master.wrapped --wrapping-kid ` + uuid + ` --alg RSA --obj-type AES --name cluster-master-key --exportable
		unwrap-key --in master.wrapped --wrapping-kid ` + uuid + ` --alg RSA --obj-type AES --name cluster-master-key --exportable --quorum`,
	"derive-key": `derive-key --key-name seed --hkdf SHA256 --salt 000102 --info 7631 --key-type AES --key-size 256 --name derived
		derive-key --kid ` + uuid + ` --alg AES --mode CBC --iv 00000000000000000000000000000000 --plain "sixteen letters!" --key-type AES --key-size 128 --name derived`,
	"agree-key":       `agree-key --private-key mine --public-key theirs --key-type AES --key-size 256 --name shared`,
	"encapsulate-key": `encapsulate-key --name theirs --new-name shared --out shared.kem`,
	"decapsulate-key": `decapsulate-key --name mine --new-name shared --in shared.kem`,
	"random": `random --size 32
		random --size 32 --out seed.bin`,
	"encrypt-init":   `encrypt-init --name invoices --mode CBC --iv 000102030405060708090a0b0c0d0e0f --state state`,
	"encrypt-update": `encrypt-update --name invoices --state state --out invoice.enc`,
	"encrypt-final":  `encrypt-final --name invoices --state state --out invoice.enc`,
	"decrypt-init":   `decrypt-init --name invoices --mode CBC --iv 000102030405060708090a0b0c0d0e0f --state state`,
	"decrypt-update": `decrypt-update --name invoices --state state --cipher invoice.enc --out invoice.pdf`,
	"decrypt-final":  `decrypt-final --name invoices --state state --out invoice.pdf`,
	"batch-encrypt":  `batch-encrypt --in files.txt`,
	"batch-decrypt":  `batch-decrypt --in files.txt`,
	"batch-sign":     `batch-sign --in files.txt`,
	"batch-verify":   `batch-verify --in files.txt`,
	"task-result":    `task-result --request-id ` + uuid + ` --out wrapped_master_key.out`,
	"list-groups":    `list-groups`,
	"show-group":     `show-group --name payments`,
	"create-group": `create-group --name payments --description "Keys of the payments team"
		create-group --name hsm --hsm-kind Safenet --hsm-url hsm1.example.com:4442 --hsm-slot 1 --hsm-ca-cert ca.pem --hsm-pin-file pin --hmg-sync on`,
	"update-group": `update-group --name hsm --hmg-segregation on --hmg-redundancy PriorityFailover`,
	"delete-group": `delete-group --name payments`,
	"connections":  `connections --name hsm`,
	"test-connection": `test-connection --group-id hsm
		test-connection --hsm-kind Safenet --hsm-url hsm1.example.com:4442 --hsm-slot 1 --hsm-ca-cert ca.pem`,
	"add-connection":    `add-connection --name hsm --hsm-kind Safenet --hsm-url hsm2.example.com:4442 --hsm-slot 1 --hsm-order 2 --hsm-ca-cert ca.pem`,
	"update-connection": `update-connection --name hsm --connection-id ` + uuid + ` --hsm-pin-file new-pin`,
	"delete-connection": `delete-connection --name hsm --connection-id ` + uuid,
	"sync-plan":         `sync-plan --name hsm`,
	"sync-history":      `sync-history --name hsm`,
	"cancel-sync":       `cancel-sync --name hsm --scan-id ` + uuid,
	"key-history":       `key-history --name invoices`,
	"revert-object":     `revert-object --name invoices --ids ` + uuid,
	"sync-keys": `sync-keys --name hsm
		sync-keys --name hsm --background`,
	"list-apps":       `list-apps --detail`,
	"show-app":        `show-app --name invoices`,
	"create-app":      `create-app --name invoices --groups payments,hsm --default-group payments --permissions ENCRYPT,DECRYPT`,
	"delete-app":      `delete-app --name invoices`,
	"get-app-api-key": `get-app-api-key --name invoices --out invoices.key`,

	"regenerate-app-api-key": `regenerate-app-api-key --name invoices --out invoices.key`,

	"list-accounts":   `list-accounts --detail`,
	"show-account":    `show-account --account-id ` + uuid,
	"create-account":  `create-account --name test`,
	"list-users":      `list-users`,
	"show-user":       `show-user --username admin@example.com`,
	"create-user":     `create-user --username operator@example.com`,
	"delete-user":     `delete-user --username operator@example.com`,
	"change-password": `change-password`,
	"server-version":  `server-version`,
	"server-health":   `--api-endpoint https://keys.example.com:8443 server-health`,
	"completion":      `completion bash`,
	"create-plugin":   `create-plugin --name tokens --in tokens.lua`,
	"update-plugin":   `update-plugin --name tokens --in tokens.lua`,
	"delete-plugin":   `delete-plugin --name tokens`,
	"invoke-plugin":   `invoke-plugin --name tokens --in input.json`,
}
