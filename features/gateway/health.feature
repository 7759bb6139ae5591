@H4.1 @H4.2 @balanced
Feature: A gateway tells how it is
  Load balancers and operators ask the gateway, not the HSM. It says that it is
  well as long as the HSM does what it is asked, and no longer.

  Background:
    Given the HSM group "Payments" over a load balancer with two gateways, and the application "billing"
    And the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own

  Scenario: One whose HSM hangs is ill, and no other
    When the copy hangs
    Then its gateway says that it is ill
    And the other gateway says that it is well

  Scenario: It is well again when the HSM answers
    Given the copy hung and the load balancer has noticed
    When the copy answers again
    Then its gateway says that it is well

  Scenario: One whose HSM is gone is ill
    When the copy is removed
    Then its gateway says that it is ill
    And the other gateway says that it is well
