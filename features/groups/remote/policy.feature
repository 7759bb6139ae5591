@P1
Feature: What is done to a virtual key reaches another service as the policy says
  The other service is somebody's: its keys are changed only when the group's
  policy says that changes are applied.

  Background:
    Given the HSM is another service
    And the HSM holds the AES key "payroll"
    And the HSM group "Partner", synced

  Scenario: By default a permission that is taken away stays there
    When the administrator takes the permission to encrypt from "payroll"
    Then the key "payroll" may not encrypt
    And the HSM key "payroll" may encrypt

  Scenario: By default a deleted virtual key leaves the key
    When the administrator deletes the key "payroll"
    Then there is no key "payroll"
    And the HSM holds 1 key with the label "payroll"

  @P2
  Scenario: A permission that is taken away is taken there too
    Given "Partner" applies changes
    When the administrator takes the permission to encrypt from "payroll"
    Then the HSM key "payroll" may not encrypt
    And the HSM key "payroll" may decrypt

  @P2
  Scenario: A new name is the key's name there too
    Given "Partner" applies changes
    When the administrator renames "payroll" to "wages"
    Then the HSM holds 1 key with the label "wages"

  @P2
  Scenario: A deleted virtual key deletes the key
    Given "Partner" applies changes
    When the administrator deletes the key "payroll"
    Then the HSM holds 0 keys with the label "payroll"
