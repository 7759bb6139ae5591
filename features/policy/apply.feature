@P2
Feature: Under the policy of applying changes the HSM key follows its virtual key
  Who revokes a permission wants it gone where the key is. The HSM comes first:
  what it does not do is not done in the service either.

  Background:
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments" that applies changes, synced

  @K3
  Scenario: A permission that is taken away is taken from the HSM key
    When the administrator takes the permission to encrypt from "payroll"
    Then the key "payroll" may not encrypt
    And the HSM key "payroll" may not encrypt

  Scenario: A new name becomes the label
    When the administrator renames "payroll" to "wages"
    Then the HSM holds 1 key with the label "wages"
    And the HSM holds 0 keys with the label "payroll"

  @K5
  Scenario: A deleted virtual key takes the HSM key with it
    When the administrator deletes the key "payroll"
    Then there is no key "payroll"
    And the HSM holds 0 keys with the label "payroll"

  Scenario: A removed private half is removed from the HSM
    Given the HSM holds the RSA pair "tls"
    And "Payments" has been synced again
    When the administrator removes the private half of "tls"
    Then the key "tls" is public only
    And the HSM no longer holds the private half of "tls"

  Scenario: A destroyed key is destroyed in the HSM
    When the administrator destroys the key "payroll"
    Then the HSM holds 0 keys with the label "payroll"

  @K4
  Scenario: Deactivating a key is the service's own business
    When the administrator deactivates "payroll"
    Then the key "payroll" is in state Deactivated
    And the HSM key "payroll" may encrypt

  Scenario: What the HSM refuses is not done in the service either
    Given the HSM holds the AES key "archive", whose attributes are fixed
    And "Payments" has been synced again
    When the administrator takes the permission to encrypt from "archive"
    Then it is refused because the HSM does not permit it
    And the key "archive" may encrypt

  Scenario: A label that the HSM keeps fixed keeps the name
    Given the HSM holds the AES key "archive", whose attributes are fixed
    And "Payments" has been synced again
    When the administrator renames "archive" to "attic"
    Then it is refused because the HSM does not permit it
    And there is a key "archive" and no key "attic"

  Scenario: An HSM that is out of reach leaves the virtual key as it was
    Given the HSM is out of reach
    When the administrator takes the permission to encrypt from "payroll"
    Then it is refused because the group is not connected
    And the key "payroll" may encrypt

  Scenario: A deletion waits for the HSM
    Given the HSM is out of reach
    When the administrator deletes the key "payroll"
    Then it is refused because the group is not connected
    And the key "payroll" is still a virtual key of "Payments"

  Scenario: What is gone from the HSM already can be deleted
    Given somebody deletes the key "payroll" in the HSM
    When the administrator deletes the key "payroll"
    Then there is no key "payroll"

  Scenario: The policy acts from when it is set
    Given "Payments" no longer applies changes
    When the administrator deletes the key "payroll"
    Then there is no key "payroll"
    And the HSM holds 1 key with the label "payroll"
