@P1
Feature: By default nothing that is done to a virtual key reaches the HSM key
  Gatehouse starts beside other users of the slot. Until somebody decides
  otherwise it adds keys and changes none.

  Background:
    Given the HSM holds the AES key "payroll"
    And the HSM holds the RSA pair "tls"
    And the HSM group "Payments", synced

  Scenario: A permission that is taken away stays in the HSM
    When the administrator takes the permission to encrypt from "payroll"
    Then the key "payroll" may not encrypt
    And the HSM key "payroll" may encrypt

  Scenario: A new name stays in the service
    When the administrator renames "payroll" to "wages"
    Then the HSM holds 1 key with the label "payroll"

  Scenario: A deleted virtual key leaves the HSM key
    When the administrator deletes the key "payroll"
    Then there is no key "payroll"
    And the HSM holds 1 key with the label "payroll"

  Scenario: A removed private half stays in the HSM
    When the administrator removes the private half of "tls"
    Then the key "tls" is public only
    And the HSM holds the private half of "tls"

  Scenario: A sync does not bring a removed private half back
    Given the administrator has removed the private half of "tls"
    When the administrator syncs "Payments"
    Then 0 new keys are reported
    And the key "tls" is public only

  Scenario: A destroyed virtual key leaves the HSM key, and stays destroyed
    Given the administrator has destroyed the key "payroll"
    When the administrator syncs "Payments"
    Then 0 new keys are reported
    And the HSM holds 1 key with the label "payroll"

  Scenario: A key whose attributes the HSM keeps fixed can be changed here
    Given the HSM holds the AES key "archive", whose attributes are fixed
    And "Payments" has been synced again
    When the administrator takes the permission to encrypt from "archive"
    Then the key "archive" may not encrypt

  Scenario: A change does not need the HSM
    Given the HSM is out of reach
    When the administrator takes the permission to encrypt from "payroll"
    Then the key "payroll" may not encrypt

  Scenario: A new key is made in the HSM at once
    Given the application "billing" in "Payments"
    When the application generates the AES 256 key "fresh" in "Payments"
    Then the HSM holds 1 key with the label "fresh"

  Scenario: A new key gets the permissions that it is given
    Given the application "billing" in "Payments"
    When the application generates the AES 256 key "fresh" in "Payments" that may only encrypt
    Then the HSM key "fresh" may encrypt
    And the HSM key "fresh" may not decrypt
