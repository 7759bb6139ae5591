Feature: A copy is another key of the same material
  Copies cross the border of a group only where the key itself permits it, and
  never take along more than the original may do.

  Background:
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"

  @K7
  Scenario: A key is copied within its group
    Given the application has generated the AES 256 key "payroll" in "Vault"
    When the administrator copies "payroll" to "beside" in "Vault"
    Then the keys "payroll" and "beside" are of the same material and linked

  @K7
  Scenario: An exportable key is copied into another group
    Given the ordinary group "Archive"
    And the application has generated the exportable AES 256 key "payroll" in "Vault"
    When the administrator copies "payroll" to "away" in "Archive"
    Then "Archive" has the key "away"
    And the keys "payroll" and "away" are of the same material and linked

  @K7
  Scenario: A key that is not exportable stays in its group
    Given the ordinary group "Archive"
    And the application has generated the AES 256 key "payroll" in "Vault"
    When the administrator copies "payroll" to "away" in "Archive"
    Then it is denied
    And there is no key "away"

  @K2
  Scenario: A copy in an HSM group is imported into the HSM
    Given the HSM group "Payments"
    And the application has generated the exportable AES 256 key "payroll" in "Vault"
    When the administrator copies "payroll" to "inside" in "Payments"
    Then the key "inside" is a virtual key of "Payments"
    And the HSM holds 1 key with the label "inside"

  @K2
  Scenario: A key that its HSM does not give away is not copied
    Given the HSM holds the AES key "held"
    And the HSM group "Payments", synced
    When the administrator copies "held" to "copied" in "Payments"
    Then it is denied

  @K7
  Scenario: A deactivated key is not copied
    Given the application has generated the AES 256 key "payroll" in "Vault"
    And the administrator has revoked "payroll" as superseded
    When the administrator copies "payroll" to "fresh" in "Vault"
    Then it is refused because the key is deactivated

  @K7
  Scenario: A key that is there takes the place of another
    Given the application has generated the AES 256 key "payroll" in "Vault"
    And the application has generated the AES 256 key "next" in "Vault"
    When the administrator puts "next" in the place of "payroll", now "payroll of old"
    Then the key "payroll of old" has been replaced by the key "payroll"

  @K6
  Scenario: Keys in an HSM are not replaced by others
    Given the HSM holds the AES key "held"
    And the HSM group "Payments", synced
    And the application has generated the AES 256 key "next" in "Vault"
    When the administrator puts "next" in the place of "held", now "held of old"
    Then it is refused as not supported
