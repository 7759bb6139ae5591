@P1
Feature: By default nothing that is done to a virtual key reaches the HSM key
  Gatehouse starts beside other users of the slot. Until somebody decides
  otherwise it adds keys and changes none.

  Background:
    Given the HSM holds the AES key "payroll"
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

  Scenario: A new key is made in the HSM at once
    Given the application "billing" in "Payments"
    When the application generates the AES 256 key "fresh" in "Payments"
    Then the HSM holds 1 key with the label "fresh"
