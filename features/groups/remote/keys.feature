@G3.1
Feature: Keys of another service are virtual keys
  Whoever has virtual keys does not notice where their keys are: found, made and
  used they are as those of an HSM.

  Background:
    Given the HSM is another service

  @G6.1
  Scenario: A sync finds the keys of the other service
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Partner"
    When the administrator syncs "Partner"
    Then 1 new key is reported
    And the key "tls" is known by its id in the other service
    And the key "tls" is a virtual key of "Partner"

  @G6.1
  Scenario: Repeating it adds nothing twice
    Given the HSM holds the AES key "payroll"
    And the HSM group "Partner", synced
    When the administrator syncs "Partner"
    Then 0 new keys are reported

  @G6.3
  Scenario: What is no key is warned about and left alone
    Given the HSM holds the AES key "payroll"
    And the HSM holds a data object "a note"
    And the HSM group "Partner"
    When the administrator syncs "Partner"
    Then 1 new key is reported

  @G6.1
  Scenario: A key that is deleted there is missing here
    Given the HSM holds the AES key "payroll"
    And the HSM group "Partner", synced
    And somebody deletes the key "payroll" in the HSM
    When the administrator syncs "Partner"
    Then the key "payroll" is reported missing

  @K8
  Scenario: A key that was renamed there goes on working
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Partner", synced
    And the application "billing" in "Partner"
    And the owner renames the key "tls" in the other service to "tls of last year"
    When the application signs with "tls"
    Then the signature verifies outside the service

  @K1
  Scenario: A new key is made in the other service
    Given the HSM group "Partner"
    And the application "billing" in "Partner"
    When the application generates the AES 256 key "salaries" in "Partner"
    Then the key "salaries" is known by its id in the other service
    And the HSM holds 1 key with the label "salaries"

  @K2
  Scenario: A key is imported into the other service
    Given the HSM group "Partner"
    And the application "billing" in "Partner"
    And the application has imported the AES 256 key "lock" into "Partner"
    When the application encrypts something with "lock" using CBC
    Then it decrypts outside the service with the original

  @K8
  Scenario Outline: A signature by a key of the other service verifies elsewhere
    Given the HSM group "Partner"
    And the application "billing" in "Partner"
    And the application has generated the <kind> key "signer" in "Partner"
    When the application signs with "signer" using <way>
    Then the signature verifies outside the service

    Examples:
      | kind        | way     |
      | RSA 2048    | PSS     |
      | EC NistP256 | ECDSA   |
      | EC Ed25519  | Ed25519 |

  @K1
  Scenario: A group that leads back to its own service goes round in no circle
    Given the HSM group "Mirror" that leads back to this service
    And the application "billing" in "Mirror"
    When the application generates the AES 256 key "echo" in "Mirror"
    Then it is refused by the other service
    And there is no key "echo"
