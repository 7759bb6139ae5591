@K7
Feature: Keys of ordinary groups live the same life without an HSM
  Their material is sealed by the service. Everything else is as for keys in an
  HSM, so that applications need not know the difference.

  Background:
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"

  Scenario Outline: Each kind of key is generated
    When the application generates the <kind> key "fresh" in "Vault"
    Then the key "fresh" is an ordinary key of "Vault"

    Examples:
      | kind          |
      | AES 256       |
      | DES3 168      |
      | RSA 2048      |
      | EC NistP224   |
      | EC NistP521   |
      | EC Ed25519    |
      | HMAC 512      |

  Scenario Outline: Each kind of key is imported
    When the application imports the <kind> key "given" into "Vault"
    Then the key "given" is an ordinary key of "Vault"

    Examples:
      | kind        |
      | AES 256     |
      | RSA 2048    |
      | EC NistP256 |
      | HMAC 256    |
      | SECRET      |

  Scenario: Material is stored sealed only
    When the application imports the AES 256 key "given" into "Vault"
    Then the value of "given" is nowhere in the service's database

  Scenario: An exportable key can be exported as it was given
    Given the application may export from "Vault"
    When the application imports the exportable AES 256 key "given" into "Vault"
    Then the value of "given" is exported as it was given

  Scenario: A key that is not exportable stays
    When the application imports the AES 256 key "given" into "Vault"
    Then the value of "given" cannot be exported

  Scenario: A key is renamed and described
    Given the application has generated the AES 256 key "fresh" in "Vault"
    When the application renames "fresh" to "stale"
    Then there is a key "stale" and no key "fresh"

  Scenario: A deleted key is gone
    Given the application has generated the AES 256 key "fresh" in "Vault"
    When the application deletes the key "fresh"
    Then there is no key "fresh"

  Scenario: A disabled key is not used
    Given the application has generated the AES 256 key "fresh" in "Vault"
    And the administrator has disabled the key "fresh"
    When the application encrypts something with "fresh"
    Then it is refused because the key is not enabled

  Scenario: A key of another group does not exist for an application
    Given the ordinary group "Other"
    And an AES key "foreign" in "Other"
    When the application encrypts something with "foreign"
    Then it is refused because there is no such key
