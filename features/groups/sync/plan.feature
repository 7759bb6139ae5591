@G6.1 @G6.3
Feature: What a sync would do can be seen first
  Who is about to sync a large estate sees what would be added, changed and
  missed. Looking changes nothing.

  Background:
    Given the HSM holds the AES key "payroll"
    And the HSM holds the RSA pair "tls"
    And the HSM group "Payments", synced

  Scenario: Nothing to do
    When the administrator asks what a sync of "Payments" would do
    Then the plan has nothing to do

  Scenario: A new key
    Given the HSM holds the AES key "late"
    When the administrator asks what a sync of "Payments" would do
    Then the plan has "late" as new
    And there is no key "late"

  Scenario: A key that is gone
    Given somebody deletes the key "payroll" in the HSM
    When the administrator asks what a sync of "Payments" would do
    Then the plan has "payroll" as missing
    And the key "payroll" is not missing

  Scenario: A key that is back
    Given "Payments" misses the key "payroll", which somebody deleted in the HSM
    And somebody restores the key "payroll" in the HSM
    When the administrator asks what a sync of "Payments" would do
    Then the plan has "payroll" as back

  Scenario: A key that somebody has renamed
    Given somebody renames the HSM key "tls" to "web"
    When the administrator asks what a sync of "Payments" would do
    Then the plan has "tls" as moved

  @G7
  Scenario: An HSM that is out of reach
    Given the HSM is out of reach
    When the administrator asks what a sync of "Payments" would do
    Then it is refused because the group is not connected
